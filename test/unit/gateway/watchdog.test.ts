/**
 * Verifies: a provider that is late with its first token, falls silent or dies in the middle of an answer is replaced; the
 *   client gets one answer without a gap, and each provider is paid for what it delivered, at most two at the same time.
 * Setup: real provider services with scripted engines and a gateway on networks in memory; the test moves the clock.
 * Fails if: a silent provider holds up an answer, a token is lost or repeated, a canceled provider works on or isn't paid,
 *   a line of a batch is bought twice, a second provider is asked beyond the budget.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { createBudget } from '../../../main/core/budget/index.ts';
import { createHedgeShare, createSilence, firstTokenLimitMs } from '../../../main/core/gateway/watchdog.ts';
import { createExperience } from '../../../main/core/reputation/index.ts';
import { askedCostMax } from '../../../shared/asked.ts';
import { readChoice } from '../../../shared/choice-note.ts';
import { readCompletion } from '../../../shared/openai.ts';
import { charge } from '../../../shared/price.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { CHOICE_HEADER, ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { SCRIPTED_READY } from '../../fakes/scripted-engine.ts';
import { manualUptime } from '../../fakes/uptime.ts';
import { readAnswer, STREAM } from './pause-market.ts';
import { closeMarkets, finish, moreExpensive, OFFERED, setUp, textOf, turn } from './scripted-market.ts';

after(closeMarkets);

const TWO = [OFFERED, moreExpensive(1)];
const turns = async (count: number) => {
  for (let done = 0; done < count; done += 1) await turn();
};

describe('a late first token', () => {
  it('starts a second provider; the first to deliver wins, and the other one is canceled and paid for what it read', async () => {
    const { first, second, clock, gateway, ask, assertIdle } = await setUp(TWO);
    const answer = ask();
    const late = await first.engine.next();
    late.start(7);
    clock.advance(60_000);
    finish((await second?.engine.next()) ?? assert.fail(), 'second');
    const response = await answer;
    assert.equal(readChoice(response.headers.get(CHOICE_HEADER) ?? '')?.reason, 'late');
    assert.equal(await textOf(response), 'second');
    while (!late.signal.aborted) await turn();
    await assertIdle();
    assert.equal(first.gate.total(), charge(OFFERED.price, { input: 7, output: 0 }));
    assert.equal(gateway.payer.paid(), first.gate.total() + (second?.gate.total() ?? 0n));
    const jobs = gateway.jobs.all();
    assert.deepEqual(
      jobs.map(({ state, charged }) => [state, charged]),
      [
        ['aborted', first.gate.total().toString()],
        ['charged', second?.gate.total().toString()],
      ],
    );
  });

  it('leaves the first one in place if it delivers before the second one', async () => {
    const { first, second, clock, ask, assertIdle } = await setUp(TWO);
    const answer = ask();
    const slow = await first.engine.next();
    slow.start(1);
    clock.advance(60_000);
    const other = (await second?.engine.next()) ?? assert.fail();
    finish(slow, 'first after all');
    assert.equal(await textOf(await answer), 'first after all');
    while (!other.signal.aborted) await turn();
    await assertIdle();
  });

  it('starts no third one', async () => {
    const { providers, clock, ask, assertIdle, gateway } = await setUp([...TWO, moreExpensive(2)]);
    const [first, second] = providers;
    const answer = ask();
    const late = (await first?.engine.next()) ?? assert.fail();
    clock.advance(60_000);
    const other = (await second?.engine.next()) ?? assert.fail();
    clock.advance(20_000);
    await turns(200);
    assert.equal(gateway.jobs.all().length, 2);
    finish(late);
    assert.equal(await textOf(await answer), 'fine');
    while (!other.signal.aborted) await turn();
    await assertIdle();
  });
});

describe('the time for a first token', () => {
  it('waits longer for a provider that was always slow, and less for one that never was', async () => {
    const wait = async (usualMs: number) => {
      const market = await setUp(TWO, {}, (clock) => {
        const experience = createExperience({ records: createMemoryRecordStore(), clock });
        return { experience };
      });
      const { first, second, clock, ask, assertIdle } = market;
      for (let request = 0; request < 6; request += 1) {
        const answer = ask();
        const run = await first.engine.next();
        clock.advance(usualMs);
        finish(run);
        await textOf(await answer);
        await assertIdle();
      }
      const last = ask();
      const late = await first.engine.next();
      let waitedMs = 0;
      const begun = second?.engine.next() ?? assert.fail();
      let run: Awaited<typeof begun> | null = null;
      void begun.then((each) => {
        run = each;
      });
      for (; run === null; waitedMs += 250) {
        clock.advance(250);
        await turns(40);
      }
      finish(await begun);
      await textOf(await last);
      while (!late.signal.aborted) await turn();
      await assertIdle();
      return waitedMs;
    };
    const [quick, slow] = [await wait(100), await wait(4_000)];
    assert.ok(quick >= 2_000 && quick < 4_000, `${quick}`);
    assert.ok(slow >= 8_000, `${slow}`);
  });
});

/** Begins a streamed answer whose first provider has sent two tokens. */
const begin = async (onPause = 'elsewhere', models = TWO) => {
  const market = await setUp(models);
  const { first, ask, gateway } = market;
  const response = fetch(`${gateway.baseUrl}/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.key}`,
      'content-type': 'application/json',
      [ON_PAUSE_HEADER]: onPause,
    },
    body: JSON.stringify({
      ...{ model: OFFERED.id, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9 },
      ...STREAM,
    }),
  });
  const silent = await first.engine.next();
  silent.start(3);
  silent.text('one ', 1);
  silent.text('two ', 2);
  const streamed = response.then(readAnswer);
  while (first.service.active()[0]?.outputTokens !== 2) await turn();
  await turns(200);
  return { ...market, silent, streamed, ask };
};

describe('silence in the middle of an answer', () => {
  it('has another provider continue from the tokens received, as one answer; both are paid', async () => {
    const { first, second, silent, streamed, clock, gateway, assertIdle } = await begin();
    clock.advance(1_500);
    const rest = (await second?.engine.next()) ?? assert.fail();
    const { prompt } = rest.request;
    assert.equal(prompt.kind === 'chat' && prompt.messages.at(-1)?.content, 'one two ');
    assert.equal(rest.request.maxTokens, 7);
    rest.start(5);
    rest.text('three', 3);
    rest.end('stop');
    const answer = await streamed;
    assert.deepEqual([answer.text, answer.tokens, answer.ends, answer.error], ['one two three', 3, 1, null]);
    assert.equal(answer.ids.size, 1);
    while (!silent.signal.aborted) await turn();
    await assertIdle();
    assert.equal(first.gate.total(), charge(OFFERED.price, { input: 3, output: 2 }));
    assert.equal(gateway.payer.paid(), first.gate.total() + (second?.gate.total() ?? 0n));
    const [before, after] = gateway.jobs.all();
    assert.deepEqual([before?.continuedBy, after?.continues], [after?.id, before?.id]);
  });

  it('keeps the first provider if it speaks again before the second one does', async () => {
    const { second, silent, streamed, clock, assertIdle } = await begin();
    clock.advance(1_500);
    const other = (await second?.engine.next()) ?? assert.fail();
    silent.text('three', 3);
    silent.end('stop');
    const answer = await streamed;
    assert.deepEqual([answer.text, answer.tokens, answer.ends], ['one two three', 3, 1]);
    while (!other.signal.aborted) await turn();
    await assertIdle();
  });

  it('a provider that dies is replaced too', async () => {
    const { first, second, silent, streamed, ask, assertIdle } = await begin();
    silent.fail('engine-failed');
    const rest = (await second?.engine.next()) ?? assert.fail();
    rest.start(5);
    rest.text('three', 3);
    rest.end('stop');
    const answer = await streamed;
    assert.deepEqual([answer.text, answer.tokens, answer.error], ['one two three', 3, null]);
    await assertIdle();
    assert.equal(first.gate.total(), charge(OFFERED.price, { input: 3, output: 2 }));
    const next = ask();
    finish((await second?.engine.next()) ?? assert.fail(), 'second again');
    assert.equal(await textOf(await next), 'second again', 'it is tried last for a while');
    await assertIdle();
  });

  it('a provider whose connection breaks is replaced too', async () => {
    const { first, second, streamed } = await begin();
    await first.network.stop();
    const rest = (await second?.engine.next()) ?? assert.fail();
    rest.start(5);
    rest.text('three', 3);
    rest.end('stop');
    const answer = await streamed;
    assert.deepEqual([answer.text, answer.tokens, answer.error], ['one two three', 3, null]);
  });

  it('is waited for, again and again, if the client accepts no other provider, or there is none', async () => {
    for (const market of [await begin('fail'), await begin('elsewhere', [OFFERED])]) {
      const { silent, streamed, clock, gateway, assertIdle } = market;
      for (const word of ['three', ' four']) {
        clock.advance(15_000);
        await turns(200);
        silent.text(word, 3);
        await turns(200);
      }
      silent.end('stop');
      const answer = await streamed;
      assert.deepEqual([answer.text, answer.ends], ['one two three four', 1]);
      await assertIdle();
      assert.equal(gateway.jobs.all().length, 1);
    }
  });
});

describe('limits of the watchdog', () => {
  it('the time for a first token stays between 2 and 60 s for any announcement (property)', () => {
    const known = fc.record({
      firstTokenMs: fc.option(
        fc.record({
          mean: fc.double({ min: 0, max: 1e9, noNaN: true }),
          deviation: fc.double({ min: 0, max: 1e9, noNaN: true }),
        }),
      ),
      roundTripMs: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
    });
    const model = fc.record({
      loadMs: fc.nat(),
      prefillTokensPerSecond: fc.option(fc.double({ min: -1e9, max: 1e9, noNaN: true })),
    });
    fc.assert(
      fc.property(known, model, fc.nat(1_000_000), (given, offered, input) => {
        const limitMs = firstTokenLimitMs(given, offered, input);
        assert.ok(limitMs >= 2_000 && limitMs <= 60_000, `${limitMs}`);
      }),
      {
        examples: [[{ firstTokenMs: null, roundTripMs: null }, { loadMs: 0, prefillTokensPerSecond: 0 }, 9]],
      },
    );
  });

  it('silence is measured by the answer’s own pace, between 1.5 and 15 s, and by twice as much after a false alarm', () => {
    const clock = manualClock(0);
    const silence = createSilence(clock);
    assert.equal(silence.limitMs(), 1_500);
    for (let token = 0; token < 50; token += 1) {
      clock.advance(200);
      silence.heard();
    }
    assert.equal(silence.limitMs(), 4_000);
    silence.wasFalse();
    assert.equal(silence.limitMs(), 8_000);
    clock.advance(60_000);
    silence.heard();
    assert.equal(silence.limitMs(), 30_000);
  });

  it('at most one of ten requests gets a second provider where everything is late', () => {
    const share = createHedgeShare();
    let taken = 0;
    for (let request = 0; request < 1_000; request += 1) {
      share.counted();
      if (share.take()) taken += 1;
    }
    assert.ok(taken >= 100 && taken <= 103, `${taken}`);
  });
});

describe('the budget of a request', () => {
  const open = async () => {
    const limits = { buyRequestMax: DEFAULT_SETTINGS.buyRequestMax };
    const market = await setUp(TWO, {}, (clock) => {
      const budget = createBudget({
        records: createMemoryRecordStore(),
        clock,
        uptime: manualUptime(clock),
        log: createRecordingLog(),
        settings: () => ({
          ...DEFAULT_SETTINGS,
          ...limits,
          buyPriceInputMax: '9000000',
          buyPriceOutputMax: '9000000',
        }),
        depositUsual: 1_000_000n,
      });
      return { budget };
    });
    return { ...market, limits };
  };
  const MESSAGES = [{ role: 'user', content: 'Hi' }];
  type Market = Awaited<ReturnType<typeof open>>;
  const answerLate = async ({ first, clock }: Pick<Market, 'first' | 'clock'>) => {
    const late = await first.engine.next();
    clock.advance(60_000);
    await turns(100);
    late.start(1);
    finish(late);
  };

  it('pays no second stranger, however late the first one is', async () => {
    const { first, clock, ask, assertIdle, gateway } = await open();
    const answer = ask();
    await answerLate({ first, clock });
    assert.equal(await textOf(await answer), 'fine');
    await assertIdle();
    assert.equal(gateway.jobs.all().length, 1);
  });

  it('covers both providers, or there is no second one', async () => {
    const { first, second, clock, ask, assertIdle, gateway, limits } = await open();
    for (const provider of [first, second ?? assert.fail()]) {
      const answer = ask();
      finish(await provider.engine.next());
      assert.equal(await textOf(await answer), 'fine');
      await assertIdle();
      // Its owner is back, so that the other one proves itself as well.
      provider.engine.setStatus({ state: 'stopped' });
    }
    first.engine.setStatus(SCRIPTED_READY);
    second?.engine.setStatus(SCRIPTED_READY);
    const bought = gateway.jobs.all().length;
    const asked = readCompletion('chat', { model: OFFERED.id, messages: MESSAGES, max_tokens: 9 });
    const cost = askedCostMax(OFFERED.price, asked, 9);
    limits.buyRequestMax = ((cost * 3n) / 2n).toString();
    const answer = ask();
    await answerLate({ first, clock });
    assert.equal(await textOf(await answer), 'fine');
    await assertIdle();
    assert.equal(gateway.jobs.all().length, bought + 1);
  });
});
