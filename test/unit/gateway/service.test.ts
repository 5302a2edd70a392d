/**
 * Verifies: a client of the gateway gets its answer from any provider that can give it, pays once, and gets a correct
 * error if none can.
 * Setup: real provider services with scripted engines on networks in memory, a clock that the test moves.
 * Fails if: a dead provider blocks a request, a lease is never freed, a request is charged twice.
 */

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { readEvents } from '../../../main/core/sse/index.ts';
import { AppError } from '../../../shared/errors.ts';
import { charge } from '../../../shared/price.ts';
import { CHANNEL_PATH, PAYMENT_RESPONSE_HEADER } from '../../../shared/wire.ts';
import {
  closeMarkets,
  codeOf,
  finish,
  moreExpensive,
  OFFERED,
  setUp,
  textOf,
  turn,
} from './scripted-market.ts';

after(closeMarkets);

describe('gateway: a conversation', () => {
  it('continues at the provider that answered its beginning, and others go where they would have gone', async () => {
    const fast = { ...OFFERED, decodeTokensPerSecond: 900 };
    const { first, second, clock, ask, assertIdle } = await setUp([fast, OFFERED]);
    const slow = second ?? assert.fail();
    const beginning = [{ role: 'user', content: 'The harbour was quiet. '.repeat(20) }];
    const answer = ask({ messages: beginning });
    (await first.engine.next()).fail('engine-failed');
    finish(await slow.engine.next());
    await textOf(await answer);
    // By then the failure is forgotten.
    clock.advance(31_000);
    const next = ask({
      messages: [
        ...beginning,
        { role: 'assistant', content: 'fine' },
        { role: 'user', content: 'And then?' },
      ],
    });
    finish(await slow.engine.next());
    await textOf(await next);
    const other = ask({ messages: [{ role: 'user', content: 'The mountain was loud. '.repeat(20) }] });
    finish(await first.engine.next());
    await textOf(await other);
    await assertIdle();
  });
});

describe('gateway: failover', () => {
  it('tries the next provider when the first fails before its first token, and pays one', async () => {
    const { first, second, gateway, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
    const answer = ask();
    (await first.engine.next()).fail('engine-failed');
    finish((await second?.engine.next()) ?? assert.fail());
    assert.equal(await textOf(await answer), 'fine');
    await assertIdle();
    assert.equal(first.gate.total(), 0n);
    assert.equal(second?.gate.total(), gateway.payer.paid());
    assert.deepEqual(
      gateway.jobs.all().map(({ state }) => state),
      ['failed', 'charged'],
    );
  });

  it('tries a provider that has just failed last', async () => {
    const { first, second, ask, assertIdle, clock } = await setUp([OFFERED, moreExpensive(1)]);
    const failing = ask();
    (await first.engine.next()).fail('engine-failed');
    finish((await second?.engine.next()) ?? assert.fail());
    await failing;
    const next = ask();
    finish((await second?.engine.next()) ?? assert.fail(), 'second');
    assert.equal(await textOf(await next), 'second');
    clock.advance(30_000);
    const later = ask();
    finish(await first.engine.next(), 'first again');
    assert.equal(await textOf(await later), 'first again');
    await assertIdle();
  });

  it('skips paused providers, and returns the reason when none is left', async () => {
    const { first, second, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
    first.engine.setStatus({ state: 'stopped' });
    const answer = ask();
    finish((await second?.engine.next()) ?? assert.fail());
    assert.equal(await textOf(await answer), 'fine');
    second?.engine.setStatus({ state: 'stopped' });
    const refused = await ask();
    assert.ok(refused.headers.get('retry-after'));
    assert.deepEqual(await codeOf(refused), [503, 'paused_starting']);
    await assertIdle();
  });

  it('tries the next provider when one has vanished', async () => {
    const { first, second, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
    await first.network.stop();
    const answer = ask();
    finish((await second?.engine.next()) ?? assert.fail());
    assert.equal(await textOf(await answer), 'fine');
    await assertIdle();
  });

  it('completes an answer that had all its tokens when its provider paused', async () => {
    const { first, second, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
    const answer = ask();
    const run = await first.engine.next();
    run.start(1);
    run.text('all nine', 1, 2, 3, 4, 5, 6, 7, 8, 9);
    while (first.service.active()[0]?.outputTokens !== 9) await turn();
    await first.service.handBack();
    const { choices, usage } = await (await answer).json();
    assert.deepEqual([choices[0].message.content, choices[0].finish_reason], ['all nine', 'length']);
    assert.deepEqual(usage, { prompt_tokens: 1, completion_tokens: 9, total_tokens: 10 });
    await assertIdle();
    assert.equal(second?.jobs.all().length, 0);
  });

  it('does not try other providers after an error of the client', async () => {
    const { first, second, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
    const answer = ask();
    (await first.engine.next()).fail('context-exceeded');
    assert.deepEqual(await codeOf(await answer), [400, 'context_length_exceeded']);
    assert.equal(second?.jobs.all().length, 0);
    await assertIdle();
  });
});

it('gateway: an error response without an end is not read to its end, and the next provider is tried', async () => {
  const { first, second, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const { server } = first;
  const usual = server.listeners('request');
  server.removeAllListeners('request').on('request', async (request, response) => {
    if (!request.url?.endsWith('/completions')) {
      for (const listener of usual) listener.call(server, request, response);
      return;
    }
    let isClosed = false;
    response.on('close', () => {
      isClosed = true;
      resolve();
    });
    response.writeHead(500);
    for (; !isClosed; await turn()) response.write('x'.repeat(16 * 1024));
  });
  const answer = ask();
  finish((await second?.engine.next()) ?? assert.fail());
  assert.equal(await textOf(await answer), 'fine');
  await closed;
  await assertIdle();
});

describe('gateway: unexpected failures', () => {
  it('reports them once and answers with the incident ID alone', async () => {
    const { gateway, ask } = await setUp([OFFERED]);
    const bug = new Error('secret detail');
    gateway.payer.lease = () => Promise.reject(bug);
    for (const [index, more] of [{}, { stream: true }].entries()) {
      const response = await ask(more);
      const { error } = await response.json();
      const message = `Internal error (incident incident-${index + 1}).`;
      assert.deepEqual([response.status, error.message, error.code], [500, message, 'internal_error']);
    }
    assert.deepEqual(gateway.faults, [bug, bug]);
  });
});

describe('gateway: time limits', () => {
  it('gives up on a provider that does not begin', async () => {
    const limits = { firstEventMs: 5_000 };
    const { first, second, clock, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)], limits);
    const answer = ask();
    const stuck = await first.engine.next();
    stuck.start(1);
    clock.advance(5_000);
    finish((await second?.engine.next()) ?? assert.fail());
    assert.equal(await textOf(await answer), 'fine');
    while (!stuck.signal.aborted) await turn();
    await assertIdle();
    // It had read the prompt, and can't tell why its requester left.
    assert.equal(first.gate.total(), charge(OFFERED.price, { input: 1, output: 0 }));
  });

  it('ends an answer without further events with an error in OpenAI’s format', async () => {
    const { first, clock, gateway, ask, assertIdle } = await setUp([OFFERED], { silenceMs: 5_000 });
    const response = await Promise.all([
      ask({ stream: true }),
      first.engine.next().then((run) => {
        run.start(1);
        run.text('begun', 1);
        return run;
      }),
    ]).then(([answer]) => answer);
    const batches = readEvents(response.body ?? assert.fail());
    await batches.next();
    for (let turns = 0; turns < 5; turns += 1) await turn();
    clock.advance(5_000);
    const { value } = await batches.next();
    assert.equal(JSON.parse(value?.[0]?.data ?? '').error.code, 'peer-unreachable');
    await assertIdle();
    const [job] = gateway.jobs.all();
    assert.deepEqual(
      [job?.state, job?.error, job?.charged],
      ['failed', 'peer-unreachable', first.gate.total().toString()],
      'what the provider charged is learned',
    );
    assert.equal(first.gate.total(), charge(OFFERED.price, { input: 1, output: 1 }));
  });
});

describe('gateway: money', () => {
  it('buys at the current price after a rise', async () => {
    const model = structuredClone(OFFERED);
    const { first, ask, assertIdle, gateway } = await setUp([model]);
    model.price.outputPerMillion = '9000000';
    const answer = ask();
    finish(await first.engine.next());
    assert.equal(await textOf(await answer), 'fine');
    await assertIdle();
    assert.equal(gateway.payer.paid(), charge(model.price, { input: 1, output: 2 }));
    assert.deepEqual(
      gateway.jobs.all().map(({ state }) => state),
      ['refused', 'charged'],
    );
  });

  it('retries a rejected payment a limited number of times', async () => {
    const { first, gateway, ask, assertIdle } = await setUp([OFFERED]);
    first.gate.admit = async () => ({
      kind: 'answered',
      status: 402,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        error: { message: 'no', type: 'x', param: null, code: 'voucher-too-small' },
        charged: '0',
      }),
      reason: 'voucher-too-small',
    });
    // The channel is already open, so that only the paid requests are rejected.
    gateway.payer.lease = (
      (lease) => async (provider, path, ceiling) =>
        lease(
          {
            ...provider,
            fetch: async () => new Response('{}', { headers: { [PAYMENT_RESPONSE_HEADER]: 'x' } }),
          },
          path,
          ceiling,
        )
    )(gateway.payer.lease);
    assert.deepEqual(await codeOf(await ask()), [402, 'voucher-too-small']);
    const tries = gateway.jobs.all();
    assert.ok(tries.length >= 2 && tries.length <= 6);
    assert.ok(tries.every(({ state }) => state === 'refused'));
    await assertIdle();
  });
});

describe('gateway: clients that leave', () => {
  it('frees the lease and stops the engine when the client disconnects at any moment', async () => {
    for (const moment of ['before the first token', 'in the middle'] as const) {
      const { first, ask, assertIdle, gateway } = await setUp([OFFERED]);
      const leaving = new AbortController();
      const answer = ask({ stream: true }, leaving.signal);
      const run = await first.engine.next();
      run.start(1);
      if (moment === 'in the middle') {
        run.text('begun', 1);
        const reader = (await answer).body?.getReader();
        await reader?.read();
        leaving.abort();
      } else {
        leaving.abort();
        await assert.rejects(answer);
      }
      while (!run.signal.aborted) await turn();
      while (gateway.jobs.all().some(({ endedAtMs }) => endedAtMs === null)) await turn();
      await assertIdle();
      const [job] = gateway.jobs.all();
      assert.equal(job?.state, 'aborted', moment);
      assert.equal(gateway.payer.ends.at(-1), 'abandoned');
      const output = moment === 'in the middle' ? 1 : 0;
      assert.equal(first.gate.total(), charge(OFFERED.price, { input: 1, output }));
      assert.equal(job?.charged, first.gate.total().toString(), 'the aborted job shows its charge');
      assert.equal(gateway.payer.paid(), first.gate.total());
    }
  });

  it('pays and records after a client that disconnects at the end mark', async () => {
    const { first, ask, assertIdle, gateway } = await setUp([OFFERED]);
    const answer = ask({ stream: true });
    finish(await first.engine.next());
    const batches = readEvents((await answer).body ?? assert.fail());
    for await (const batch of batches) if (batch.some(({ data }) => data === '[DONE]')) break;
    await assertIdle();
    const [job] = gateway.jobs.all();
    assert.deepEqual([job?.state, job?.charged], ['charged', first.gate.total().toString()]);
  });
});

describe('gateway: a disk that takes no records', () => {
  it('buys nothing and says why, without trying the other providers', async () => {
    const { first, second, gateway, ask, assertIdle } = await setUp([OFFERED, moreExpensive(1)]);
    const insert = gateway.jobs.insert;
    gateway.jobs.insert = () => {
      throw new AppError('disk-full', 'The disk is full.');
    };
    assert.deepEqual(await codeOf(await ask()), [503, 'disk-full']);
    gateway.jobs.insert = insert;
    await assertIdle();
    assert.equal(gateway.payer.paid(), 0n);
    assert.deepEqual([...gateway.jobs.all(), ...first.jobs.all(), ...(second?.jobs.all() ?? [])], []);
  });

  it('leaves a job for later whose end the disk doesn’t take after a response', async () => {
    const { first, gateway, ask } = await setUp([OFFERED]);
    const answer = ask();
    const run = await first.engine.next();
    run.start(3);
    run.text('x', 1);
    while (gateway.jobs.all()[0]?.state !== 'running') await turn();
    gateway.jobs.update = () => {
      throw new AppError('disk-full', 'The disk is full.');
    };
    run.end('stop');
    assert.equal((await answer).status, 200);
    await gateway.gateway.idle();
    assert.deepEqual(
      gateway.jobs.left,
      gateway.jobs.all().map(({ id }) => id),
    );
  });

  it('gives the channel back although the end of a refused job can’t be recorded', async () => {
    const { first, gateway, ask } = await setUp([OFFERED]);
    const { admit } = first.gate;
    first.gate.admit = async (request) => {
      if (request.path === CHANNEL_PATH) return admit(request);
      throw new AppError('chain-unavailable', 'The chain is unavailable.');
    };
    gateway.jobs.update = () => {
      throw new AppError('disk-full', 'The disk is full.');
    };
    assert.deepEqual(await codeOf(await ask()), [503, 'disk-full']);
    assert.deepEqual(gateway.payer.ends, ['abandoned']);
    assert.deepEqual(
      gateway.jobs.left,
      gateway.jobs.all().map(({ id }) => id),
    );
  });
});
