/**
 * Verifies: a job is concluded exactly once, regardless of what ends it, in any order, even several at the same time.
 * It is charged for no more than was taken, or than was made if the requester left.
 * Setup: random scripts of an answer and its endings (property).
 * Fails if: a payment is settled twice, a channel stays busy, a slot leaks, an owner's return costs the requester
 * undelivered tokens, a requester leaves for nothing.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { PAYMENT_HEADER } from '../../../main/ports/payments.ts';
import { charge } from '../../../shared/price.ts';
import { createFakeProvider } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';
import { encode } from '../../fakes/payment-gate.ts';
import { createScriptedEngine, type ScriptedRun } from '../../fakes/scripted-engine.ts';
import { ask, OFFERED, turn } from './provider-setup.ts';

const INPUT_TOKENS = 10;

type Step = 'token' | 'take' | 'turn';
type Ending = 'end' | 'fail' | 'requester-leaves' | 'owner-returns';

const step = fc.constantFrom<Step>('token', 'take', 'turn');
const ending = fc.constantFrom<Ending>('end', 'fail', 'requester-leaves', 'owner-returns');
const script = fc.record({
  stream: fc.boolean(),
  before: fc.array(step, { maxLength: 12 }),
  endings: fc.array(ending, { minLength: 1, maxLength: 3 }),
  after: fc.array(step, { maxLength: 4 }),
});

type Provider = ReturnType<typeof createFakeProvider>;

/** One request to the provider, from the side of its requester. */
class Requester {
  readonly #provider: Provider;
  readonly #leaving = new AbortController();
  readonly #opened: Promise<unknown>;
  #reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  #reading: Promise<unknown> | null = null;
  #left = false;
  /** Tokens that the requester took. */
  taken = 0;
  /** Tokens that the engine made. */
  made = 0;

  constructor(provider: Provider, stream: boolean) {
    this.#provider = provider;
    const request = new Request('http://provider/v1/chat/completions', {
      method: 'POST',
      headers: {
        'x-peer-id': 'requester',
        [PAYMENT_HEADER]: encode({ channelId: 'one', payer: 'payer', most: '999999999' }),
      },
      body: JSON.stringify(ask({ max_tokens: 30, stream })),
      signal: this.#leaving.signal,
    });
    this.#opened = Promise.resolve(provider.service.app.fetch(request)).then((response) => {
      if (response.status === 200 && response.body) this.#reader = response.body.getReader();
    });
  }

  async perform(what: Step, run: ScriptedRun): Promise<void> {
    if (what === 'token') {
      this.made += 1;
      run.text('x', this.made);
    }
    if (what === 'turn') await turn();
    if (what === 'take' && this.#reader && !this.#left) this.#reading = this.#read(this.#reader);
  }

  get left(): boolean {
    return this.#left;
  }

  end(what: Ending, run: ScriptedRun): void {
    if (what === 'end') run.end('stop');
    if (what === 'fail') run.fail('engine-failed');
    if (what === 'owner-returns') void this.#provider.service.handBack();
    if (what !== 'requester-leaves') return;
    this.#left = true;
    this.#leaving.abort();
    this.#reader?.cancel().catch(() => {});
  }

  /** Reads to the end, unless the requester left; its connection then cancels the body. */
  async finish(): Promise<void> {
    await this.#opened;
    await this.#reading;
    const reader = this.#reader;
    if (reader === null) return;
    if (this.#left) await reader.cancel().catch(() => {});
    else while (await this.#read(reader));
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<boolean> {
    const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
    this.taken += new TextDecoder().decode(value).match(/"x"/g)?.length ?? 0;
    return !done;
  }
}

/** Asserts that the last job was settled or canceled, exactly once, for no more than `outputMax` tokens. */
function assertConcluded(
  provider: Provider,
  before: { settles: number; cancels: number },
  { outputMax, isFree }: { readonly outputMax: number; readonly isFree: boolean },
): void {
  assert.deepEqual(provider.service.active(), []);
  assert.deepEqual([...provider.gate.busy], []);
  assert.deepEqual(provider.faults, []);
  const settled = provider.gate.settles.length - before.settles;
  const cancelled = provider.gate.cancels - before.cancels;
  assert.equal(settled + cancelled, 1, 'settled or cancelled, exactly once');
  const job = provider.jobs.all().at(-1) ?? assert.fail();
  assert.ok(['charged', 'failed', 'aborted'].includes(job.state), job.state);
  assert.ok(job.endedAtMs !== null);
  const output = job.outputTokens ?? 0;
  assert.ok(output <= outputMax, 'charged for tokens that were not taken');
  if (settled === 1) {
    assert.equal(job.charged, charge(OFFERED.price, { input: INPUT_TOKENS, output }).toString());
    assert.ok(job.receipt);
  } else {
    assert.deepEqual([job.charged, job.receipt], [null, null]);
    assert.equal(output, 0);
    assert.ok(isFree, 'a requester that leaves pays for what was read');
  }
}

it('every job is concluded exactly once, regardless of what ends it (property)', async () => {
  const network = await createFakeHub().createNetwork();
  const engine = createScriptedEngine();
  const limits = { abandonedPerPayerMax: Number.POSITIVE_INFINITY };
  const provider = createFakeProvider(network, { engine, models: [OFFERED], limits });

  await fc.assert(
    fc.asyncProperty(script, async ({ stream, before, endings, after }) => {
      const counts = { settles: provider.gate.settles.length, cancels: provider.gate.cancels };
      const requester = new Requester(provider, stream);
      const run = await engine.next();
      run.start(INPUT_TOKENS);
      for (const what of before) await requester.perform(what, run);
      for (const what of endings) requester.end(what, run);
      for (const what of after) await requester.perform(what, run);
      await requester.finish();
      // A receipt is signed outside of the event loop, which takes any number of turns.
      while (provider.service.active().length > 0) await turn();
      assertConcluded(provider, counts, {
        outputMax: stream && !requester.left ? requester.taken : requester.made,
        isFree: !(requester.left && endings[0] === 'requester-leaves'),
      });
    }),
    { numRuns: 300 },
  );
});
