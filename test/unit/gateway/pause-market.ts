/** A market for the tests of pauses: real provider services with fake engines, and a gateway, on networks in memory. */
import assert from 'node:assert/strict';
import { readEvents } from '../../../main/core/sse/index.ts';
import type { GenerateRequest } from '../../../main/ports/engine.ts';
import type { Network } from '../../../main/ports/network.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, type FakeEngine } from '../../fakes/engine.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider, FAKE_LIFE } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

export const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
/** The text of every answer, one token each. */
export const WORDS = Array.from({ length: 40 }, (_, index) => `w${index}${index % 7 === 6 ? ' ä\n' : ' '}`);

const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
/** Closes every market of a test file: files share processes, and each loads this one only once. */
export async function closeMarkets(): Promise<void> {
  for (const close of closers.splice(0)) await close();
}
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Advances the clock, slowly relative to the work in progress, until the condition is true. */
export async function elapse(clock: ReturnType<typeof manualClock>, until: () => boolean): Promise<void> {
  while (!until()) {
    for (let turns = 0; turns < 200; turns += 1) await turn();
    clock.advance(500);
  }
}

/** The rest of the known text after the part that is in the request. */
function* rest({ prompt }: GenerateRequest): Generator<string> {
  const begun =
    prompt.kind === 'text'
      ? prompt.text.slice('Hi'.length)
      : prompt.kind === 'chat' && prompt.continuesLast
        ? (prompt.messages.at(-1)?.content ?? '')
        : '';
  let from = 0;
  for (let length = 0; length < begun.length; from += 1) length += WORDS[from]?.length ?? assert.fail();
  assert.equal(WORDS.slice(0, from).join(''), begun, 'the request continues the text');
  yield* WORDS.slice(from);
}

export interface PausingProvider extends ReturnType<typeof createFakeProvider> {
  readonly network: Network;
  readonly engine: FakeEngine;
  /** The owner comes back and stays. */
  pause(): void;
  resume(): void;
  /** The owner comes back when this many tokens of the next answer were made. */
  pauseAfter(tokens: number): void;
  /** Called before each token. */
  watch(onToken: ((index: number) => void | Promise<void>) | null): void;
}

async function openProvider(
  clock: ReturnType<typeof manualClock>,
  model: OfferedModel,
): Promise<PausingProvider> {
  const network = await hub.createNetwork();
  await network.start();
  let decision: 'run' | 'pause' = 'run';
  let cut: number | null = null;
  let onToken: ((index: number) => void | Promise<void>) | null = null;
  const pause = () => {
    decision = 'pause';
    void provider.service.handBack();
  };
  const engine = createFakeEngine({
    loaded: FAKE_LIFE,
    answer: rest,
    async beforeToken(index) {
      await turn();
      await onToken?.(index);
      if (cut !== index) return;
      cut = null;
      pause();
    },
  });
  const provider = createFakeProvider(network, {
    clock,
    engine,
    models: [model],
    presence: () => ({ decision, reason: 'paused-by-owner', sinceMs: 0, untilMs: null }),
  });
  return {
    ...provider,
    network,
    engine,
    pause,
    resume() {
      decision = 'run';
    },
    pauseAfter(tokens) {
      cut = tokens;
    },
    watch(next) {
      onToken = next;
    },
  };
}

/** A gateway and providers, the cheapest first. */
export async function setUp(count: number, change: (index: number) => Partial<OfferedModel> = () => ({})) {
  const clock = manualClock(1_700_000_000_000);
  const requester = await hub.createNetwork();
  await requester.start();
  const providers: PausingProvider[] = [];
  for (let index = 0; index < count; index += 1) {
    const price = { inputPerMillion: '2000000', outputPerMillion: String(7_000_000 + index) };
    const opened = await openProvider(clock, { ...OFFERED, price, ...change(index) });
    await requester.connect(opened.network.addresses()[0] ?? '');
    providers.push(opened);
  }
  const market = await createFakeGateway(requester, { clock });
  await market.directory.find(null);
  closers.push(async () => {
    await market.stop();
    await requester.stop();
    for (const { network } of providers) await network.stop();
  });

  function ask(
    body: object = {},
    {
      onPause,
      signal,
      path = 'chat/completions',
    }: { onPause?: string; signal?: AbortSignal; path?: string } = {},
  ): Promise<Response> {
    const prompt =
      path === 'completions' ? { prompt: 'Hi' } : { messages: [{ role: 'user', content: 'Hi' }] };
    return fetch(`${market.baseUrl}/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${market.key}`,
        'content-type': 'application/json',
        ...(onPause === undefined ? {} : { [ON_PAUSE_HEADER]: onPause }),
      },
      body: JSON.stringify({ model: OFFERED.id, max_tokens: 60, ...prompt, ...body }),
      ...(signal ? { signal } : {}),
    });
  }

  /**
   * Asserts that nothing is open, and that both sides have the same amounts, by job and by receipt; a job that the client
   * left has its charge without a receipt.
   */
  async function assertMoney(): Promise<bigint> {
    await market.gateway.idle();
    // A lost charge is queried until it is known; a lease that is never freed ends the test's time.
    while (market.payer.open() > 0) await turn();
    assert.deepEqual(market.faults, []);
    for (const { service, gate, faults } of providers) {
      while (service.active().length > 0) await turn();
      assert.deepEqual([...gate.busy], []);
      assert.deepEqual(faults, []);
    }
    const earned = providers.reduce((sum, { gate }) => sum + gate.total(), 0n);
    const receipts = market.bought.map(
      ({ receipt }) => receipt ?? assert.fail('each charge has its receipt'),
    );
    const proven = receipts.reduce((sum, receipt) => sum + BigInt(receipt.charged), 0n);
    const booked = market.jobs.all().reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n);
    const learned = market.jobs
      .all()
      .filter(({ state, receipt }) => receipt === null && ['aborted', 'failed'].includes(state))
      .reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n);
    assert.deepEqual([proven + learned, booked, market.payer.paid()], [earned, earned, earned]);
    return earned;
  }
  /** The jobs that delivered tokens, in order. */
  const parts = () => market.jobs.all().filter(({ outputTokens }) => (outputTokens ?? 0) > 0);
  return { clock, market, providers, ask, assertMoney, parts };
}

export interface StreamedAnswer {
  text: string;
  tokens: number;
  ends: number;
  finish: (string | null)[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
  error: string | null;
  ids: Set<string>;
  roles: number;
}

/** Reads a streamed answer to its end. */
export async function readAnswer(response: Response): Promise<StreamedAnswer> {
  assert.equal(response.status, 200);
  const answer: StreamedAnswer = {
    ...{ text: '', tokens: 0, ends: 0, finish: [], usage: null, error: null },
    ...{ ids: new Set<string>(), roles: 0 },
  };
  for await (const batch of readEvents(response.body ?? assert.fail())) {
    for (const { data } of batch) {
      if (data === '[DONE]') {
        answer.ends += 1;
        continue;
      }
      const event = JSON.parse(data);
      if (event.error) {
        answer.error = event.error.code;
        continue;
      }
      answer.ids.add(event.id);
      if (event.usage) answer.usage = event.usage;
      const [choice] = event.choices;
      if (choice?.delta?.role) answer.roles += 1;
      answer.text += choice?.delta?.content ?? choice?.text ?? '';
      answer.tokens += choice?.token_ids?.length ?? 0;
      if (choice?.finish_reason) answer.finish.push(choice.finish_reason);
    }
  }
  return answer;
}

export const STREAM = { stream: true, stream_options: { include_usage: true }, return_token_ids: true };
