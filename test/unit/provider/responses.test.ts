/**
 * Verifies: a response that isn't streamed has OpenAI's format, is charged exactly once with a receipt, and costs
 * nothing if it fails.
 * Setup: the real service with a scripted engine and a fake payment gate.
 * Fails if: a failed request is charged, a receipt or header is missing, a failed settlement loses the job's charge.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifySigned } from '../../../main/adapters/libp2p/index.ts';
import { PAYMENT_RESPONSE_HEADER } from '../../../main/ports/payments.ts';
import { AppError } from '../../../shared/errors.ts';
import { RECEIPT_HEADER, receiptSchema } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import { ask, OFFERED, refused, setUp } from './provider-setup.ts';

describe('provider: a complete response', () => {
  it('has OpenAI’s format, with receipt and payment response as headers', async () => {
    const { post, engine, peer, charged, jobs, assertIdle } = await setUp();
    const answer = post(ask({ temperature: 0.5, seed: 7, stop: ['END'] }));
    const run = await engine.next();
    assert.deepEqual(run.request, {
      prompt: { kind: 'chat', messages: [{ role: 'user', content: 'Hello' }] },
      maxTokens: 10,
      temperature: 0.5,
      topP: 1,
      seed: 7,
      stop: ['END'],
      requester: 'payer',
      rank: 0,
      ...{ sampling: {}, json: null, topLogprobs: null },
    });
    run.start(100);
    run.text('Good ', 1, 2);
    run.text('day', 3);
    run.end('stop');
    const response = await answer;
    const body = await response.json();
    assert.equal(body.object, 'chat.completion');
    assert.deepEqual(body.choices[0].message, { role: 'assistant', content: 'Good day', refusal: null });
    assert.equal(body.choices[0].finish_reason, 'stop');
    assert.deepEqual(body.usage, { prompt_tokens: 100, completion_tokens: 3, total_tokens: 103 });
    const jws = response.headers.get(RECEIPT_HEADER) ?? assert.fail('no receipt');
    const receipt = receiptSchema.parse(await verifySigned(jws, peer));
    assert.equal(receipt.charged, charge(OFFERED.price, { input: 100, output: 3 }).toString());
    assert.ok(response.headers.get(PAYMENT_RESPONSE_HEADER));
    assert.deepEqual(
      charged.map(({ receipt: reported }) => reported),
      [receipt],
    );
    const [job] = jobs.all();
    assert.deepEqual(jobs.states(job?.id ?? ''), ['admitted', 'running', 'delivered', 'charged']);
    assert.deepEqual([job?.charged, job?.receipt, job?.payer], [receipt.charged, jws, 'payer']);
    assertIdle();
  });
});

describe('provider: prompt tokens that were computed before', () => {
  it('are reported, and charged at their price', async () => {
    const price = { ...OFFERED.price, cachedInputPerMillion: '1000000' };
    for (const [model, charge] of [
      [{ ...OFFERED, price }, 40n * 2n + 60n * 1n + 1n * 7n],
      [OFFERED, 100n * 2n + 1n * 7n],
    ] as const) {
      const { post, engine, charged } = await setUp({ models: [model] });
      const answer = post(ask());
      const run = await engine.next();
      run.start(100, 60);
      run.text('Good', 1);
      run.end('stop');
      const { usage } = await (await answer).json();
      assert.deepEqual(usage.prompt_tokens_details, { cached_tokens: 60 });
      assert.equal(charged[0]?.receipt.cachedTokens, 60);
      assert.equal(charged[0]?.receipt.charged, `${charge}`);
    }
  });

  it('are never more than were read for a requester that left', async () => {
    const { post, engine, charged, gate } = await setUp();
    const leaving = new AbortController();
    const answer = post(ask({ stream: true }), { signal: leaving.signal });
    const run = await engine.next();
    run.start(100, 60);
    run.readOnAbort(40);
    leaving.abort();
    await answer;
    assert.deepEqual(gate.settles, [charge(OFFERED.price, { input: 40, output: 0 })]);
    assert.equal(charged[0]?.receipt.cachedTokens, 40);
  });
});

describe('provider: a response that is not complete', () => {
  it('costs nothing if the engine fails, and what was read and generated if the requester disconnects', async () => {
    const { post, engine, gate, jobs, charged, assertIdle } = await setUp();
    const first = post(ask());
    const run = await engine.next();
    run.start(5);
    run.text('half', 1);
    run.fail('engine-failed');
    await refused(await first, 500, { code: 'engine-failed' });
    const leaving = new AbortController();
    const second = post(ask(), { signal: leaving.signal });
    const next = await engine.next();
    next.start(5);
    next.text('half', 1);
    leaving.abort();
    assert.equal((await second).status, 503);
    assert.ok(next.signal.aborted, 'the engine was stopped');
    assert.deepEqual([gate.cancels, gate.settles], [1, [charge(OFFERED.price, { input: 5, output: 1 })]]);
    assert.deepEqual(
      charged.map(({ receipt }) => [receipt.inputTokens, receipt.outputTokens, receipt.finishReason]),
      [[5, 1, 'aborted']],
    );
    assert.deepEqual(
      jobs.all().map(({ state }) => state),
      ['failed', 'aborted'],
    );
    assertIdle();
  });
});

describe('provider: payment failures', () => {
  it('keeps a job with a failed settlement as delivered with its intended charge, for the next start to decide', async () => {
    const { post, engine, jobs, gate, faults } = await setUp();
    const admit = gate.admit.bind(gate);
    gate.admit = async (request) => {
      const admission = await admit(request);
      if (admission.kind === 'admitted') {
        const broken = () => Promise.reject(new Error('the disk is full'));
        return { ...admission, payment: { ...admission.payment, settle: broken } };
      }
      return admission;
    };
    const answer = post(ask());
    const run = await engine.next();
    run.start(100);
    run.text('a', 1);
    run.end('stop');
    const response = await answer;
    assert.equal(response.status, 200);
    assert.equal(response.headers.get(RECEIPT_HEADER), null);
    const [job] = jobs.all();
    const intended = charge(OFFERED.price, { input: 100, output: 1 }).toString();
    assert.deepEqual([job?.state, job?.charged, job?.cumulative], ['delivered', intended, null]);
    assert.equal(faults.length, 1);
    assert.deepEqual(jobs.left, [job?.id]);
  });

  it('frees the channel of a job whose end the disk doesn’t take, and leaves the job for later', async () => {
    const { post, engine, jobs, gate } = await setUp();
    const { update } = jobs;
    const answer = post(ask());
    const run = await engine.next();
    run.start(100);
    run.text('a', 1);
    jobs.update = () => {
      throw new AppError('disk-full', 'The disk is full.');
    };
    run.end('stop');
    assert.equal((await answer).status, 200);
    jobs.update = update;
    assert.deepEqual([[...gate.busy], gate.settles], [[], []]);
    assert.deepEqual(
      jobs.all().map(({ id, state }) => [id, state]),
      jobs.left.map((id) => [id, 'running']),
    );
    assert.equal(jobs.left.length, 1);
  });
});
