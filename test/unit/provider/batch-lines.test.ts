/**
 * Verifies: a line of a batch never displaces a live request, and its answer is finished, charged once and kept for its
 * requester when the connection is lost.
 * Setup: the real service with a scripted engine, a fake payment gate and a clock that the test moves.
 * Fails if: a batch fills the queue before live requests, an answer is lost with its connection, or a stranger reads it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BATCH_JOB_HEADER, KEPT_ANSWERS_PATH, RECEIPT_EVENT } from '../../../shared/wire.ts';
import { ask, reading, refused, setUp, textOf, turn } from './provider-setup.ts';

const ID = '01234567-89ab-7def-8123-456789abcdef';
const batch = (id = ID) => ({ [BATCH_JOB_HEADER]: id });
type Provider = Awaited<ReturnType<typeof setUp>>;

const collect = (provider: Provider, id = ID, peer = 'requester') =>
  Promise.resolve(
    provider.service.app.fetch(
      new Request(`http://provider${KEPT_ANSWERS_PATH}/${id}`, { headers: { 'x-peer-id': peer } }),
    ),
  );

describe('a line of a batch', () => {
  it('is finished, charged once and collected after its connection was lost', async () => {
    const provider = await setUp();
    const leave = new AbortController();
    const posted = provider.post(ask({ stream: true }), { headers: batch(), signal: leave.signal });
    const run = await provider.engine.next();
    run.start(3);
    run.text('Hello', 1);
    const first = reading(await posted);
    assert.equal(textOf(await first.next()), 'Hello');
    leave.abort();
    await first.leave();
    await turn();
    assert.equal(run.signal.aborted, false);
    const collected = reading(await collect(provider));
    run.text(' again', 2);
    run.end('stop');
    const events = await collected.rest();
    assert.equal(textOf(events), 'Hello again');
    assert.ok(events.some(({ event }) => event === RECEIPT_EVENT));
    assert.equal(provider.charged.length, 1);
    assert.equal(provider.charged[0]?.receipt.outputTokens, 2);
    provider.assertIdle();
  });

  it('can be collected again until its time is over, and by its requester alone', async () => {
    const provider = await setUp({ limits: { keptMs: 60_000 } });
    const posted = provider.post(ask({ stream: true }), { headers: batch() });
    const run = await provider.engine.next();
    run.start(3);
    run.text('Hi', 1);
    run.end('stop');
    assert.equal(textOf(await reading(await posted).rest()), 'Hi');
    assert.equal(textOf(await reading(await collect(provider)).rest()), 'Hi');
    await refused(await collect(provider, ID, 'stranger'), 404, {});
    await refused(await collect(provider, ID.replace('0', '1')), 404, {});
    provider.clock.advance(60_001);
    await refused(await collect(provider), 404, {});
  });

  it('is rejected with an ID that is malformed or in use', async () => {
    const provider = await setUp();
    await refused(await provider.post(ask(), { headers: batch('../x') }), 400, { code: 'invalid_value' });
    const posted = provider.post(ask({ stream: true }), { headers: batch() });
    const run = await provider.engine.next();
    await refused(await provider.post(ask({ stream: true }), { headers: batch() }), 400, {
      code: 'invalid_value',
    });
    run.start(1);
    run.text('x', 1);
    run.end('stop');
    await reading(await posted).rest();
    assert.equal(provider.charged.length, 1);
  });
});

describe('lines of batches', () => {
  it('wait behind live requests, few at a time, and leave a slot free after one', async () => {
    const provider = await setUp();
    const posted = [0, 1, 2].map((index) =>
      provider.post(ask({ stream: true }), {
        headers: { ...batch(ID.replace('0', String(index))), ...provider.voucher(`b${index}`) },
      }),
    );
    const runs = [await provider.engine.next(), await provider.engine.next(), await provider.engine.next()];
    assert.ok(runs.every(({ request }) => request.isPatient === true));
    // One slot, and two that wait.
    const fourth = { ...batch(ID.replace('0', '9')), ...provider.voucher('b9') };
    await refused(await provider.post(ask(), { headers: fourth }), 429, { code: 'rate_limit_exceeded' });
    const live = provider.post(ask({ stream: true }), { headers: provider.voucher('live') });
    const liveRun = await provider.engine.next();
    assert.notEqual(liveRun.request.isPatient, true);
    for (const run of [...runs, liveRun]) {
      run.start(1);
      run.text('x', 1);
      run.end('stop');
    }
    for (const response of [...posted, live]) await reading(await response).rest();
    provider.assertIdle();
  });

  it('lose their oldest kept answers beyond the memory for them', async () => {
    const provider = await setUp({ limits: { keptCharactersPerPeerMax: 12_000 } });
    const ids = [1, 2, 3].map((index) => ID.replace('0', String(index)));
    for (const id of ids) {
      const posted = provider.post(ask({ stream: true }), {
        headers: { ...batch(id), ...provider.voucher(id) },
      });
      const run = await provider.engine.next();
      run.start(1);
      run.text('x'.repeat(3_000), 1);
      run.end('stop');
      await reading(await posted).rest();
    }
    await refused(await collect(provider, ids[0]), 404, {});
    assert.equal((await collect(provider, ids[2])).status, 200);
  });
});
