/**
 * Verifies: a streamed response has OpenAI's format, is followed by receipt and payment response, and is charged exactly
 * for what was delivered, however it ends.
 * Setup: the real service with a scripted engine, a fake payment gate and a clock that the test moves.
 * Fails if: tokens that were not delivered are charged, a channel stays busy, a slot leaks, a failure is not reported.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT, receiptSchema } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import { ask, dataOf, OFFERED, reading, refused, setUp, textOf, turn } from './provider-setup.ts';

it('a stream begins with the role and ends with finish reason, usage, end mark, receipt and payment', async () => {
  const { post, engine, peer, assertIdle } = await setUp();
  const answer = post(ask({ stream: true, stream_options: { include_usage: true } }));
  const run = await engine.next();
  run.start(2);
  run.text('One', 11);
  const events = reading(await answer);
  const opening = await events.next();
  const [role, first] = opening.map(({ data }) => JSON.parse(data));
  assert.deepEqual(role.choices[0].delta, { role: 'assistant', content: '' });
  assert.deepEqual([first.choices[0].delta, first.object], [{ content: 'One' }, 'chat.completion.chunk']);
  run.text(' two', 12);
  run.end('length');
  const rest = await events.rest();
  assert.deepEqual(
    rest.map(
      ({ event, data }) =>
        event ??
        (data === '[DONE]' ? data : (Object.keys(JSON.parse(data).choices[0] ?? { usage: 1 })[1] ?? 'usage')),
    ),
    ['delta', 'delta', 'usage', '[DONE]', RECEIPT_EVENT, PAYMENT_RESPONSE_EVENT],
  );
  const receipt = receiptSchema.parse(await verifySigned(dataOf(rest, RECEIPT_EVENT), peer));
  assert.deepEqual([receipt.inputTokens, receipt.outputTokens, receipt.finishReason], [2, 2, 'length']);
  assertIdle();
});

it('all tokens that are ready are sent in one write', async () => {
  const { post, engine } = await setUp();
  const answer = post(ask({ stream: true }));
  const run = await engine.next();
  run.start(1);
  run.text('a', 1);
  const events = reading(await answer);
  await events.next();
  for (let token = 2; token <= 6; token += 1) run.text('b', token);
  await turn();
  assert.equal(textOf(await events.next()), 'bbbbb');
  run.end('stop');
  await events.rest();
});

it('token IDs are included on request', async () => {
  const { post, engine } = await setUp();
  const answer = post(ask({ stream: true, return_token_ids: true }));
  const run = await engine.next();
  run.start(1);
  run.text('a', 4, 5);
  run.end('stop');
  const events = await reading(await answer).rest();
  assert.deepEqual(JSON.parse(events[1]?.data ?? '').choices[0].token_ids, [4, 5]);
});

it('a requester that disconnects is charged for what was read and generated until the engine stopped', async () => {
  const { post, engine, jobs, charged, assertIdle } = await setUp();
  const answer = post(ask({ stream: true }));
  const run = await engine.next();
  run.start(100);
  run.text('a', 1);
  const events = reading(await answer);
  await events.next();
  run.text('b', 2);
  await events.next();
  const leaving = events.leave();
  run.text('not streamed any more', 3, 4, 5);
  await leaving;
  while (jobs.all()[0]?.state !== 'aborted') await turn();
  assert.ok(run.signal.aborted);
  const [job] = jobs.all();
  assert.equal(job?.outputTokens, 5);
  assert.equal(job?.charged, charge(OFFERED.price, { input: 100, output: 5 }).toString());
  assert.equal(charged.length, 1);
  assertIdle();
});

it('if the engine fails, the stream reports it and what was delivered is charged', async () => {
  const { post, engine, peer, jobs, assertIdle } = await setUp();
  const answer = post(ask({ stream: true }));
  const run = await engine.next();
  run.start(100);
  run.text('a', 1);
  const events = reading(await answer);
  await events.next();
  run.fail('engine-failed');
  const rest = await events.rest();
  assert.equal(JSON.parse(rest[0]?.data ?? '').error.code, 'engine-failed');
  const receipt = receiptSchema.parse(await verifySigned(dataOf(rest, RECEIPT_EVENT), peer));
  assert.deepEqual([receipt.outputTokens, receipt.finishReason], [1, 'failed']);
  assert.equal(receipt.charged, charge(OFFERED.price, { input: 100, output: 1 }).toString());
  assert.ok(!rest.some(({ data }) => data === '[DONE]'));
  assert.deepEqual(
    jobs.all().map(({ state, error }) => [state, error]),
    [['failed', 'engine-failed']],
  );
  assertIdle();
});

it('a requester that reads nothing counts as disconnected', async () => {
  const { post, engine, clock, jobs, assertIdle } = await setUp({ limits: { stallMs: 1_000 } });
  const answer = post(ask({ stream: true }));
  const run = await engine.next();
  run.start(1);
  run.text('a', 1);
  const response = await answer;
  clock.advance(1_000);
  while (jobs.all()[0]?.state !== 'aborted') await turn();
  assert.ok(run.signal.aborted);
  const made = charge(OFFERED.price, { input: 1, output: 1 });
  assert.equal(jobs.all()[0]?.charged, made.toString(), 'nothing was taken, and the work is charged');
  await assert.rejects(response.text());
  assertIdle();
});

it('a hand-back ends the stream immediately, and what was delivered is charged', async () => {
  const { post, engine, service, jobs, assertIdle } = await setUp();
  const answer = post(ask({ stream: true }));
  const run = await engine.next();
  run.start(100);
  run.text('a', 1);
  const events = reading(await answer);
  await events.next();
  const given = service.handBack();
  const rest = await events.rest();
  await given;
  assert.equal(JSON.parse(rest[0]?.data ?? '').error.code, 'paused');
  dataOf(rest, RECEIPT_EVENT);
  const [job] = jobs.all();
  assert.deepEqual([job?.state, job?.outputTokens], ['aborted', 1]);
  assertIdle();
});

it('closing waits for the running jobs and takes no new ones', async () => {
  const { post, engine, service, jobs, assertIdle } = await setUp();
  const answer = post(ask());
  const run = await engine.next();
  const closed = service.close(5_000);
  await refused(await post(ask()), 503, {});
  run.start(1);
  run.text('a', 1);
  run.end('stop');
  assert.equal((await answer).status, 200);
  await closed;
  assert.equal(jobs.all()[0]?.state, 'charged');
  assertIdle();
});

it('before a restart the running jobs end and no new ones begin, until jobs are taken again', async () => {
  const { post, engine, service, jobs, assertIdle } = await setUp();
  const answer = post(ask());
  const run = await engine.next();
  const takeJobs = service.refuseJobs();
  await refused(await post(ask()), 503, { code: 'paused_starting' });
  run.start(1);
  run.text('a', 1);
  run.end('stop');
  assert.equal((await answer).status, 200);
  assert.equal(jobs.all()[0]?.state, 'charged');
  await refused(await post(ask()), 503, { code: 'paused_starting' });
  takeJobs();
  const later = post(ask());
  const next = await engine.next();
  next.start(1);
  next.end('stop');
  assert.equal((await later).status, 200);
  assertIdle();
});

it('a reserved machine takes no new jobs, and is reserved when the running ones have ended', async () => {
  const { post, engine, service, jobs, assertIdle } = await setUp();
  const answer = post(ask());
  const run = await engine.next();
  let isReserved = false;
  const reserving = service.reserve(new AbortController().signal).then((release) => {
    isReserved = true;
    return release;
  });
  await refused(await post(ask()), 503, { code: 'paused_measuring' });
  assert.equal((await post(ask())).headers.get('retry-after'), '20');
  assert.equal(isReserved, false, 'a job is still running');
  run.start(1);
  run.text('a', 1);
  run.end('stop');
  assert.equal((await answer).status, 200);
  const release = await reserving;
  await refused(await post(ask()), 503, { code: 'paused_measuring' });
  release();
  release();
  const next = post(ask());
  const second = await engine.next();
  second.start(1);
  second.text('a', 1);
  second.end('stop');
  assert.equal((await next).status, 200);
  assert.deepEqual(
    jobs.all().map(({ state }) => state),
    ['charged', 'charged'],
  );
  assertIdle();
});

it('a reservation that is given up takes jobs again', async () => {
  const { post, voucher, engine, service, assertIdle } = await setUp();
  const answer = post(ask());
  const run = await engine.next();
  const owner = new AbortController();
  const reserving = service.reserve(owner.signal);
  owner.abort(new Error('the owner is back'));
  await assert.rejects(reserving, /the owner is back/);
  const next = post(ask(), { headers: voucher('another') });
  const second = await engine.next();
  for (const each of [run, second]) {
    each.start(1);
    each.text('a', 1);
    each.end('stop');
  }
  assert.deepEqual([(await answer).status, (await next).status], [200, 200]);
  assertIdle();
});

it('an unexpected failure in a stream is reported, and the requester gets its incident ID', async () => {
  const { post, engine, peer, faults } = await setUp();
  const answer = post(ask({ stream: true }));
  const run = await engine.next();
  run.start(100);
  run.text('a', 1);
  const events = reading(await answer);
  await events.next();
  const bug = new Error('secret detail');
  run.crash(bug);
  const rest = await events.rest();
  assert.deepEqual(faults, [bug]);
  const { error } = JSON.parse(rest[0]?.data ?? '');
  assert.deepEqual([error.message, error.code], ['Internal error (incident incident-1).', 'internal_error']);
  const receipt = receiptSchema.parse(await verifySigned(dataOf(rest, RECEIPT_EVENT), peer));
  assert.equal(receipt.outputTokens, 1);
});

it('the receipt has how the answer was sampled, with a seed from the job’s ID if the requester sent none', async () => {
  const { post, engine, peer } = await setUp();
  const applied = { method: 'gumbel-max', temperature: 1, topP: 1, topK: 40, minP: 0 } as const;
  const receiptFor = async (asked: object) => {
    const answer = post(ask({ stream: true, ...asked }));
    const run = await engine.next();
    const seed = run.request.seed ?? -1;
    run.start(2, 0, { ...applied, seed, promptHash: 'c'.repeat(64) });
    run.text('One', 11);
    run.end('stop');
    const events = await reading(await answer).rest();
    return { seed, receipt: receiptSchema.parse(await verifySigned(dataOf(events, RECEIPT_EVENT), peer)) };
  };
  const asked = await receiptFor({ seed: 5 });
  assert.equal(asked.seed, 5);
  assert.deepEqual(asked.receipt.sampling, { ...applied, seed: 5, promptHash: 'c'.repeat(64) });
  const own = await receiptFor({});
  const digest = createHash('sha256').update(own.receipt.job).digest();
  assert.equal(own.seed, digest.readUInt32LE(0));
  assert.equal(own.receipt.sampling?.seed, own.seed);
});
