/**
 * Verifies: an answer whose provider pauses is completed elsewhere or later, as one answer, and costs the sum of its
 * parts' receipts.
 * Setup: real provider services with fake engines that generate one known text, on networks in memory; owners come back
 * after random tokens; the test moves the clock.
 * Fails if: text is lost or repeated where a part ends, the end mark comes twice, more tokens are made than requested, a
 * part has no receipt or is paid twice, a wait never ends, work continues for a client that disconnected.
 */
import assert from 'node:assert/strict';
import { after, it } from 'node:test';
import fc from 'fast-check';
import { readOnPause } from '../../../main/core/gateway/on-pause.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { ON_PAUSE_HEADER } from '../../../shared/wire.ts';
import {
  closeMarkets,
  elapse,
  readAnswer,
  STREAM,
  type StreamedAnswer,
  setUp,
  turn,
  WORDS,
} from './pause-market.ts';

after(closeMarkets);

it('continues elsewhere as one answer, and costs the sum of its receipts (property)', async () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 15 }), { minLength: 1, maxLength: 3 });
  const shape = fc.record({
    cuts,
    maxTokens: fc.integer({ min: 1, max: 60 }),
    stream: fc.boolean(),
    path: fc.constantFrom('chat/completions', 'completions'),
  });
  let continued = 0;
  await fc.assert(
    fc.asyncProperty(shape, async ({ cuts: pausesAfter, maxTokens, stream, path }) => {
      const { providers, ask, assertMoney, parts } = await setUp(pausesAfter.length + 1);
      pausesAfter.forEach((tokens, index) => {
        providers[index]?.pauseAfter(tokens);
      });
      const response = await ask({ max_tokens: maxTokens, ...(stream ? STREAM : {}) }, { path });
      const length = Math.min(maxTokens, WORDS.length);
      const expected = WORDS.slice(0, length).join('');
      const finish = maxTokens <= WORDS.length ? 'length' : 'stop';
      let usage: StreamedAnswer['usage'];
      if (stream) {
        const streamed = await readAnswer(response);
        usage = streamed.usage;
        assert.equal(streamed.text, expected);
        assert.deepEqual([streamed.tokens, streamed.ends, streamed.finish], [length, 1, [finish]]);
        assert.deepEqual([streamed.ids.size, streamed.error], [1, null]);
        assert.equal(streamed.roles, path === 'completions' ? 0 : 1);
      } else {
        const body = await response.json();
        usage = body.usage;
        assert.equal(body.choices[0].message?.content ?? body.choices[0].text, expected);
        assert.equal(body.choices[0].finish_reason, finish);
      }
      await assertMoney();
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
  assert.ok(continued > 0, 'some answers were interrupted');
});

const ofTwo = WORDS.slice(0, 2).join('');

it('fail: the answer ends with the error, and only delivered output is charged', async () => {
  const { providers, ask, assertMoney, market } = await setUp(2);
  providers[0]?.pauseAfter(2);
  const streamed = await readAnswer(await ask(STREAM, { onPause: 'fail' }));
  assert.deepEqual([streamed.text, streamed.error, streamed.ends], [ofTwo, 'paused', 0]);
  assert.ok((await assertMoney()) > 0n);
  assert.equal(market.jobs.all().length, 1);
  providers[0]?.resume();
  providers[0]?.pauseAfter(2);
  const whole = await ask({}, { onPause: 'fail' });
  assert.deepEqual([whole.status, (await whole.json()).error.code], [503, 'paused']);
  await assertMoney();
});

it('elsewhere: without another provider of the same file the answer ends with the error', async () => {
  for (const others of [0, 1]) {
    const { providers, ask, assertMoney, market } = await setUp(1 + others, (index) =>
      index === 0 ? {} : { sha256: 'e'.repeat(64) },
    );
    providers[0]?.pauseAfter(2);
    const streamed = await readAnswer(await ask(STREAM, { onPause: 'elsewhere' }));
    assert.deepEqual([streamed.text, streamed.error, streamed.ends], [ofTwo, 'paused', 0]);
    await assertMoney();
    assert.equal(market.jobs.all().length, 1, 'no other provider was tried');
  }
});

it('elsewhere: a provider that can’t continue an answer is skipped', async () => {
  const { providers, ask, assertMoney, parts } = await setUp(3);
  providers[0]?.pauseAfter(2);
  const old = JSON.stringify({
    error: { message: 'no', type: 'invalid_request_error', param: 'x', code: 'unknown_parameter' },
  });
  const { server } = providers[1] ?? assert.fail();
  const usual = server.listeners('request');
  server.removeAllListeners('request').on('request', (request, response) => {
    if (request.url?.endsWith('/completions')) response.writeHead(400).end(old);
    else for (const listener of usual) listener.call(server, request, response);
  });
  const streamed = await readAnswer(await ask(STREAM));
  assert.deepEqual([streamed.text, streamed.error], [WORDS.join(''), null]);
  await assertMoney();
  assert.deepEqual(
    parts().map(({ peer }) => peer),
    [providers[0]?.network.key.peer, providers[2]?.network.key.peer],
  );
});

it('moves on from a provider whose disk fails before it has taken the job', async () => {
  for (const stream of [{}, STREAM]) {
    const { providers, ask, assertMoney, parts } = await setUp(2);
    const { jobs } = providers[0] ?? assert.fail();
    let refused = 0;
    jobs.insert = () => {
      refused += 1;
      throw new AppError('disk-unwritable', 'The disk takes nothing.');
    };
    const response = await ask(stream);
    assert.equal(response.status, 200);
    assert.ok((await response.text()).includes('w39'));
    assert.equal(refused, 1);
    await assertMoney();
    assert.deepEqual(
      parts().map(({ peer }) => peer),
      [providers[1]?.network.key.peer],
      'nothing is bought from the first',
    );
  }
});

it('wait: the same provider continues when its owner has left', async () => {
  const { providers, ask, assertMoney, market, clock } = await setUp(1);
  const [provider] = providers;
  provider?.pauseAfter(2);
  const streamed = readAnswer(await ask(STREAM, { onPause: 'wait;seconds=600' }));
  await elapse(clock, () => market.jobs.all().length >= 4);
  provider?.resume();
  // Only until it answers again: on a busy machine more time would pass the limits of the rest of the answer.
  await elapse(clock, () => provider?.engine.requests.length === 2);
  const { text, error, ends, usage } = await streamed;
  assert.deepEqual([text, error, ends], [WORDS.join(''), null, 1]);
  assert.equal(usage?.completion_tokens, WORDS.length);
  await assertMoney();
});

it('wait: a provider that pauses repeatedly is not paid for the prompt a third time', async () => {
  const { providers, ask, assertMoney, parts, clock } = await setUp(1);
  const [provider] = providers;
  // It serves every request, and pauses at the third token of each answer.
  provider?.watch((index) => {
    if (index === 0) provider.pauseAfter(2);
    if (index === 2) setImmediate(() => provider.resume());
  });
  const streamed = readAnswer(await ask(STREAM, { onPause: 'wait;seconds=60' }));
  let ended = false;
  const end = () => {
    ended = true;
  };
  streamed.then(end, end);
  await elapse(clock, () => ended);
  const { text, error } = await streamed;
  assert.deepEqual([text, error], [WORDS.slice(0, 4).join(''), 'paused']);
  assert.equal(parts().length, 2);
  await assertMoney();
});

it('wait: the answer ends with the error after the waiting time, during or before its text', async () => {
  for (const begun of [true, false]) {
    const { providers, ask, assertMoney, clock } = await setUp(1);
    if (begun) providers[0]?.pauseAfter(2);
    else providers[0]?.pause();
    const startedAtMs = clock.now();
    let ended = false;
    const answer = ask({}, { onPause: 'wait;seconds=5' }).then(async (response) => {
      ended = true;
      return [response.status, (await response.json()).error.code];
    });
    await elapse(clock, () => ended);
    assert.deepEqual(await answer, [503, begun ? 'paused' : 'paused_paused_by_owner']);
    const waitedMs = clock.now() - startedAtMs;
    // The clock of this test keeps running during an attempt.
    assert.ok(waitedMs >= 5_000 && waitedMs < 60_000, `waited ${waitedMs} ms`);
    await assertMoney();
  }
});

it('an answer continues at most three times', async () => {
  const { providers, ask, assertMoney, parts } = await setUp(5);
  for (const provider of providers) provider.pauseAfter(2);
  const streamed = await readAnswer(await ask(STREAM));
  assert.deepEqual([streamed.text, streamed.error], [WORDS.slice(0, 8).join(''), 'paused']);
  await assertMoney();
  assert.equal(parts().length, 4);
});

it('a client that disconnects ends the search and every part', async () => {
  for (const moment of ['while waiting', 'at the second provider'] as const) {
    const count = moment === 'while waiting' ? 1 : 2;
    const { providers, ask, assertMoney, parts, market, clock } = await setUp(count);
    providers[0]?.pauseAfter(2);
    const leaving = new AbortController();
    providers[1]?.watch((index) => (index === 3 ? leaving.abort() : undefined));
    const streamed = readAnswer(await ask(STREAM, { onPause: 'wait', signal: leaving.signal }));
    const broken = assert.rejects(streamed);
    if (moment === 'while waiting') {
      // Rejected once, so it waits now for a time that never comes.
      while (market.jobs.all().filter(({ endedAtMs }) => endedAtMs !== null).length < 1) await turn();
      for (let turns = 0; turns < 50; turns += 1) await turn();
      leaving.abort();
      // The system takes a moment to tell a client that has left from one that only closed its side.
      while ((await market.connections()) > 0) await turn();
      // The clock advances and the owner leaves: a search that still waited would buy now.
      providers[0]?.resume();
      for (let turns = 0; turns < 500; turns += 1) {
        await turn();
        clock.advance(500);
      }
    }
    await broken;
    while (market.jobs.all().some(({ endedAtMs }) => endedAtMs === null)) await turn();
    await market.gateway.idle();
    while (market.payer.open() > 0) await turn();
    for (const { service, gate } of providers) {
      while (service.active().length > 0) await turn();
      assert.deepEqual([...gate.busy], []);
    }
    const [first, second, ...more] = parts();
    assert.deepEqual([first?.error, more.length], ['paused', 0]);
    await assertMoney();
    if (moment === 'while waiting') {
      assert.equal(second, undefined);
    } else {
      // It may have left before a token of the second part arrived.
      const other = market.jobs.all().find(({ continues }) => continues === first?.id);
      assert.equal(other?.state, 'aborted');
      assert.equal(other?.charged, providers[1]?.gate.total().toString(), 'what was generated is paid');
      assert.ok((second?.outputTokens ?? 0) < WORDS.length - 2, 'the second engine was stopped');
    }
  }
});

it('the header is parsed strictly', () => {
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

it('an invalid header is answered like an invalid parameter, and nothing is bought', async () => {
  const { ask, market } = await setUp(1);
  const answer = await ask({}, { onPause: 'perhaps' });
  const { error } = await answer.json();
  assert.deepEqual([answer.status, error.param, error.code], [400, ON_PAUSE_HEADER, 'invalid_value']);
  assert.equal(market.jobs.all().length, 0);
});
