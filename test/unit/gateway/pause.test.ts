/**
 * Goal: an answer whose provider pauses in its middle comes to its end elsewhere or later, as one answer, and
 * costs what its parts' receipts say. Method: real provider services with fake engines that say one known text,
 * on networks in memory; owners come back after random tokens; time is moved by hand. What would break: words
 * lost or said twice at a cut, a second end mark, more tokens than asked for, a part without a receipt or paid
 * twice, a wait that never ends, work that goes on for a client that left.
 */

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { readOnPause } from '../../../main/core/gateway/on-pause.ts';
import { readEvents } from '../../../main/core/sse/index.ts';
import type { GenerateRequest } from '../../../main/ports/engine.ts';
import type { Network } from '../../../main/ports/network.ts';
import { isAppError } from '../../../shared/errors.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, type FakeEngine } from '../../fakes/engine.ts';
import { OFFERED as CHEAP, createFakeGateway, createFakeProvider, FAKE_LIFE } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

const OFFERED = { ...CHEAP, price: { inputPerMillion: '2000000', outputPerMillion: '7000000' } };
const WORDS = Array.from({ length: 40 }, (_, index) => `w${index}${index % 7 === 6 ? ' ä\n' : ' '}`);

const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Lets time pass, slowly beside what is under way, until something holds. */
async function elapse(clock: ReturnType<typeof manualClock>, until: () => boolean): Promise<void> {
  while (!until()) {
    for (let turns = 0; turns < 50; turns += 1) await turn();
    clock.advance(500);
  }
}

/** What is left of the known text after what the request says was said. */
function* rest({ prompt }: GenerateRequest): Generator<string> {
  const said =
    prompt.kind === 'text'
      ? prompt.text.slice('Hi'.length)
      : prompt.continuesLast
        ? (prompt.messages.at(-1)?.content ?? '')
        : '';
  let from = 0;
  for (let length = 0; length < said.length; from += 1) length += WORDS[from]?.length ?? assert.fail();
  assert.equal(WORDS.slice(0, from).join(''), said, 'it goes on from what was said');
  yield* WORDS.slice(from);
}

interface Seller extends ReturnType<typeof createFakeProvider> {
  readonly network: Network;
  readonly engine: FakeEngine;
  /** The owner is back, and stays. */
  pause(): void;
  resume(): void;
  /** The owner comes back when this many tokens of the next answer are out. */
  pauseAfter(tokens: number): void;
  /** Called before each token. */
  watch(look: ((index: number) => void | Promise<void>) | null): void;
}

async function openSeller(clock: ReturnType<typeof manualClock>, model: OfferedModel): Promise<Seller> {
  const network = await hub.createNetwork();
  await network.start();
  let decision: 'run' | 'pause' = 'run';
  let cut: number | null = null;
  let look: ((index: number) => void | Promise<void>) | null = null;
  const pause = () => {
    decision = 'pause';
    void provider.service.handBack();
  };
  const engine = createFakeEngine({
    loaded: FAKE_LIFE,
    answer: rest,
    async beforeToken(index) {
      await turn();
      await look?.(index);
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
      look = next;
    },
  };
}

/** A gateway and sellers, the cheapest first. */
async function setUp(count: number, change: (index: number) => Partial<OfferedModel> = () => ({})) {
  const clock = manualClock(1_700_000_000_000);
  const buying = await hub.createNetwork();
  await buying.start();
  const sellers: Seller[] = [];
  for (let index = 0; index < count; index += 1) {
    const price = { inputPerMillion: '2000000', outputPerMillion: String(7_000_000 + index) };
    const seller = await openSeller(clock, { ...OFFERED, price, ...change(index) });
    await buying.connect(seller.network.addresses()[0] ?? '');
    sellers.push(seller);
  }
  const market = await createFakeGateway(buying, { clock });
  await market.directory.find(null);
  closers.push(async () => {
    await market.stop();
    await buying.stop();
    for (const { network } of sellers) await network.stop();
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

  /** Nothing is open, and both sides count the same money, job by job and receipt by receipt. */
  async function assertBooks(): Promise<bigint> {
    await market.gateway.idle();
    assert.equal(market.payer.open(), 0, 'no lease is open');
    assert.deepEqual(market.faults, []);
    for (const { service, gate, faults } of sellers) {
      while (service.active().length > 0) await turn();
      assert.deepEqual([...gate.busy], []);
      assert.deepEqual(faults, []);
    }
    const earned = sellers.reduce((sum, { gate }) => sum + gate.total(), 0n);
    const receipts = market.bought.map(
      ({ receipt }) => receipt ?? assert.fail('each charge has its receipt'),
    );
    const proven = receipts.reduce((sum, receipt) => sum + BigInt(receipt.charged), 0n);
    const booked = market.jobs.all().reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n);
    assert.deepEqual([proven, booked, market.payer.paid()], [earned, earned, earned]);
    return earned;
  }
  /** The jobs that delivered something, in order. */
  const parts = () => market.jobs.all().filter(({ outputTokens }) => (outputTokens ?? 0) > 0);
  return { clock, market, sellers, ask, assertBooks, parts };
}

interface Heard {
  text: string;
  tokens: number;
  ends: number;
  finish: (string | null)[];
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number } | null;
  error: string | null;
  ids: Set<string>;
  roles: number;
}

async function listen(response: Response): Promise<Heard> {
  assert.equal(response.status, 200);
  const heard: Heard = {
    ...{ text: '', tokens: 0, ends: 0, finish: [], usage: null, error: null },
    ...{ ids: new Set<string>(), roles: 0 },
  };
  for await (const batch of readEvents(response.body ?? assert.fail())) {
    for (const { data } of batch) {
      if (data === '[DONE]') {
        heard.ends += 1;
        continue;
      }
      const event = JSON.parse(data);
      if (event.error) {
        heard.error = event.error.code;
        continue;
      }
      heard.ids.add(event.id);
      if (event.usage) heard.usage = event.usage;
      const [choice] = event.choices;
      if (choice?.delta?.role) heard.roles += 1;
      heard.text += choice?.delta?.content ?? choice?.text ?? '';
      heard.tokens += choice?.token_ids?.length ?? 0;
      if (choice?.finish_reason) heard.finish.push(choice.finish_reason);
    }
  }
  return heard;
}

const STREAM = { stream: true, stream_options: { include_usage: true }, return_token_ids: true };

describe('an answer whose provider pauses', () => {
  it('goes on elsewhere as one answer, and costs what its receipts say (property)', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 3 });
    const shape = fc.record({
      cuts,
      maxTokens: fc.integer({ min: 1, max: 60 }),
      stream: fc.boolean(),
      path: fc.constantFrom('chat/completions', 'completions'),
    });
    let continued = 0;
    await fc.assert(
      fc.asyncProperty(shape, async ({ cuts: after, maxTokens, stream, path }) => {
        const { sellers, ask, assertBooks, parts } = await setUp(after.length + 1);
        after.forEach((tokens, index) => {
          sellers[index]?.pauseAfter(tokens);
        });
        const response = await ask({ max_tokens: maxTokens, ...(stream ? STREAM : {}) }, { path });
        const length = Math.min(maxTokens, WORDS.length);
        const expected = WORDS.slice(0, length).join('');
        const finish = maxTokens <= WORDS.length ? 'length' : 'stop';
        let usage: Heard['usage'];
        if (stream) {
          const heard = await listen(response);
          usage = heard.usage;
          assert.equal(heard.text, expected);
          assert.deepEqual([heard.tokens, heard.ends, heard.finish], [length, 1, [finish]]);
          assert.deepEqual([heard.ids.size, heard.error], [1, null]);
          assert.equal(heard.roles, path === 'completions' ? 0 : 1);
        } else {
          const body = await response.json();
          usage = body.usage;
          assert.equal(body.choices[0].message?.content ?? body.choices[0].text, expected);
          assert.equal(body.choices[0].finish_reason, finish);
        }
        await assertBooks();
        const jobs = parts();
        const input = jobs.reduce((sum, job) => sum + (job.inputTokens ?? assert.fail()), 0);
        assert.equal(
          jobs.reduce((sum, job) => sum + (job.outputTokens ?? 0), 0),
          length,
          'no token is charged twice',
        );
        assert.deepEqual(usage, {
          prompt_tokens: input,
          completion_tokens: length,
          total_tokens: input + length,
        });
        jobs.forEach((job, index) => {
          assert.equal(job.continues, jobs[index - 1]?.id ?? null);
          assert.equal(job.continuedBy, jobs[index + 1]?.id ?? null);
          const whole = index === jobs.length - 1;
          assert.deepEqual([job.state, job.error], whole ? ['charged', null] : ['failed', 'paused']);
        });
        continued += jobs.length - 1;
      }),
      { numRuns: 25 },
    );
    assert.ok(continued > 0, 'some were cut');
  });
});

describe('what the request says', () => {
  const ofTwo = WORDS.slice(0, 2).join('');

  it('fail: the answer ends with the error, and only what was delivered is charged', async () => {
    const { sellers, ask, assertBooks, market } = await setUp(2);
    sellers[0]?.pauseAfter(2);
    const heard = await listen(await ask(STREAM, { onPause: 'fail' }));
    assert.deepEqual([heard.text, heard.error, heard.ends], [ofTwo, 'paused', 0]);
    assert.ok((await assertBooks()) > 0n);
    assert.equal(market.jobs.all().length, 1);
    sellers[0]?.resume();
    sellers[0]?.pauseAfter(2);
    const whole = await ask({}, { onPause: 'fail' });
    assert.deepEqual([whole.status, (await whole.json()).error.code], [503, 'paused']);
    await assertBooks();
  });

  it('elsewhere: with nobody else, or nobody with the same file, it ends with the error', async () => {
    for (const others of [0, 1]) {
      const { sellers, ask, assertBooks, market } = await setUp(1 + others, (index) =>
        index === 0 ? {} : { sha256: 'e'.repeat(64) },
      );
      sellers[0]?.pauseAfter(2);
      const heard = await listen(await ask(STREAM, { onPause: 'elsewhere' }));
      assert.deepEqual([heard.text, heard.error, heard.ends], [ofTwo, 'paused', 0]);
      await assertBooks();
      assert.equal(market.jobs.all().length, 1, 'nobody else was asked');
    }
  });

  it('elsewhere: a provider that cannot go on from a beginning is passed over', async () => {
    const { sellers, ask, assertBooks, parts } = await setUp(3);
    sellers[0]?.pauseAfter(2);
    const old = JSON.stringify({
      error: { message: 'no', type: 'invalid_request_error', param: 'x', code: 'unknown_parameter' },
    });
    const { server } = sellers[1] ?? assert.fail();
    const usual = server.listeners('request');
    server.removeAllListeners('request').on('request', (request, response) => {
      if (request.url?.endsWith('/completions')) response.writeHead(400).end(old);
      else for (const listener of usual) listener.call(server, request, response);
    });
    const heard = await listen(await ask(STREAM));
    assert.deepEqual([heard.text, heard.error], [WORDS.join(''), null]);
    await assertBooks();
    assert.deepEqual(
      parts().map(({ peer }) => peer),
      [sellers[0]?.network.key.peer, sellers[2]?.network.key.peer],
    );
  });

  it('wait: the same provider goes on when its owner has left', async () => {
    const { sellers, ask, assertBooks, market, clock } = await setUp(1);
    const [seller] = sellers;
    seller?.pauseAfter(2);
    const heard = listen(await ask(STREAM, { onPause: 'wait;seconds=600' }));
    await elapse(clock, () => market.jobs.all().length >= 4);
    seller?.resume();
    // Only until it answers again: on a busy machine more would outrun what it still has to say.
    await elapse(clock, () => seller?.engine.requests.length === 2);
    const { text, error, ends, usage } = await heard;
    assert.deepEqual([text, error, ends], [WORDS.join(''), null, 1]);
    assert.equal(usage?.completion_tokens, WORDS.length);
    await assertBooks();
  });

  it('wait: a provider that pauses again and again is not paid for the prompt a third time', async () => {
    const { sellers, ask, assertBooks, parts, clock } = await setUp(1);
    const [seller] = sellers;
    // It serves whenever it is asked, and pauses at the third token of each answer.
    seller?.watch((index) => {
      if (index === 0) seller.pauseAfter(2);
      if (index === 2) setImmediate(() => seller.resume());
    });
    const heard = listen(await ask(STREAM, { onPause: 'wait;seconds=60' }));
    let ended = false;
    const end = () => {
      ended = true;
    };
    heard.then(end, end);
    await elapse(clock, () => ended);
    const { text, error } = await heard;
    assert.deepEqual([text, error], [WORDS.slice(0, 4).join(''), 'paused']);
    assert.equal(parts().length, 2);
    await assertBooks();
  });

  it('wait: it ends with the error when the time is over, whole or before the first word', async () => {
    for (const begun of [true, false]) {
      const { sellers, ask, assertBooks, clock } = await setUp(1);
      if (begun) sellers[0]?.pauseAfter(2);
      else sellers[0]?.pause();
      const startedAtMs = clock.now();
      let ended = false;
      const answer = ask({}, { onPause: 'wait;seconds=5' }).then(async (response) => {
        ended = true;
        return [response.status, (await response.json()).error.code];
      });
      await elapse(clock, () => ended);
      assert.deepEqual(await answer, [503, begun ? 'paused' : 'paused_paused_by_owner']);
      const waitedMs = clock.now() - startedAtMs;
      // The clock of this test runs on while an attempt is under way.
      assert.ok(waitedMs >= 5_000 && waitedMs < 60_000, `waited ${waitedMs} ms`);
      await assertBooks();
    }
  });

  it('goes on three times and no more', async () => {
    const { sellers, ask, assertBooks, parts } = await setUp(5);
    for (const seller of sellers) seller.pauseAfter(2);
    const heard = await listen(await ask(STREAM));
    assert.deepEqual([heard.text, heard.error], [WORDS.slice(0, 8).join(''), 'paused']);
    await assertBooks();
    assert.equal(parts().length, 4);
  });

  it('a client that leaves in between ends it all', async () => {
    for (const moment of ['while waiting', 'at the second provider'] as const) {
      const count = moment === 'while waiting' ? 1 : 2;
      const { sellers, ask, assertBooks, parts, market, clock } = await setUp(count);
      sellers[0]?.pauseAfter(2);
      const leaving = new AbortController();
      sellers[1]?.watch((index) => (index === 3 ? leaving.abort() : undefined));
      const heard = listen(await ask(STREAM, { onPause: 'wait', signal: leaving.signal }));
      const broken = assert.rejects(heard);
      if (moment === 'while waiting') {
        // Refused once, so it waits for its time now, which never comes.
        while (market.jobs.all().filter(({ endedAtMs }) => endedAtMs !== null).length < 1) await turn();
        for (let turns = 0; turns < 50; turns += 1) await turn();
        leaving.abort();
        // Its time goes on and the owner leaves: whoever still waited would buy now.
        sellers[0]?.resume();
        for (let turns = 0; turns < 500; turns += 1) {
          await turn();
          clock.advance(500);
        }
      }
      await broken;
      while (market.jobs.all().some(({ endedAtMs }) => endedAtMs === null)) await turn();
      await market.gateway.idle();
      assert.equal(market.payer.open(), 0);
      for (const { service, gate } of sellers) {
        while (service.active().length > 0) await turn();
        assert.deepEqual([...gate.busy], []);
      }
      const [first, second, ...more] = parts();
      assert.deepEqual([first?.error, more.length], ['paused', 0]);
      if (moment === 'while waiting') {
        assert.equal(second, undefined);
        await assertBooks();
      } else {
        // It may have left before a word of the second part reached it.
        const other = market.jobs.all().find(({ continues }) => continues === first?.id);
        assert.equal(other?.state, 'aborted');
        assert.ok((second?.outputTokens ?? 0) < WORDS.length - 2, 'the second engine was stopped');
      }
    }
  });

  it('reads the header strictly', () => {
    assert.deepEqual(readOnPause(undefined), { kind: 'elsewhere' });
    assert.deepEqual(readOnPause(' Fail '), { kind: 'fail' });
    assert.deepEqual(readOnPause('wait'), { kind: 'wait', waitMsMax: 120_000 });
    assert.deepEqual(readOnPause('wait; seconds=7'), { kind: 'wait', waitMsMax: 7_000 });
    for (const wrong of [
      '',
      'never',
      'wait;seconds=0',
      'wait;seconds=601',
      'wait;seconds=',
      'fail;seconds=3',
    ]) {
      assert.throws(
        () => readOnPause(wrong),
        (error) => isAppError(error, 'bad-request') && error.details.param === ON_PAUSE_HEADER,
      );
    }
  });

  it('answers a wrong header as OpenAI answers a wrong parameter, and buys nothing', async () => {
    const { ask, market } = await setUp(1);
    const answer = await ask({}, { onPause: 'perhaps' });
    const { error } = await answer.json();
    assert.deepEqual([answer.status, error.param, error.code], [400, ON_PAUSE_HEADER, 'invalid_value']);
    assert.equal(market.jobs.all().length, 0);
  });
});
