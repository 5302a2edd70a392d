/**
 * Verifies: a line of a batch never displaces a live request, and its answer is finished, charged once and kept for its
 * requester when the connection is lost.
 * Setup: the real service with a scripted engine, a fake payment gate and a clock that the test moves.
 * Fails if: a batch fills the queue before live requests, an answer is lost with its connection or with its provider, a
 * stranger reads it, or one that this machine breaks off is charged.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AnswerId } from '../../../main/core/provider/answer-files.ts';
import type { AnswerFiles } from '../../../main/core/provider/index.ts';
import {
  BATCH_JOB_HEADER,
  BATCH_KEY_HEADER,
  BATCH_TAKEN_HEADER,
  KEPT_ANSWERS_PATH,
  RECEIPT_EVENT,
} from '../../../shared/wire.ts';
import { ask, reading, refused, setUp, textOf, turn } from './provider-setup.ts';

const ID = '01234567-89ab-7def-8123-456789abcdef';
const batch = (id = ID) => ({ [BATCH_JOB_HEADER]: id });
type Provider = Awaited<ReturnType<typeof setUp>>;

const collect = (provider: Provider, id = ID, peer = 'requester', headers = {}) =>
  Promise.resolve(
    provider.service.app.fetch(
      new Request(`http://provider${KEPT_ANSWERS_PATH}/${id}`, {
        headers: { 'x-peer-id': peer, ...headers },
      }),
    ),
  );
const keyed = (byte: number) => ({ [BATCH_KEY_HEADER]: Buffer.alloc(32, byte).toString('base64url') });

/** Files in memory, and how much was charged when each was written. */
function memoryFiles(charged: () => number) {
  const texts = new Map<string, string>();
  const chargedBefore: number[] = [];
  const nameOf = ({ peer, id }: AnswerId, key: Buffer = Buffer.alloc(0)) =>
    `${peer} ${id} ${key.toString('hex')}`;
  const answerFiles: AnswerFiles = {
    async write(answer, text, key) {
      chargedBefore.push(charged());
      texts.set(nameOf(answer, key), text);
    },
    read: async (answer, key) => texts.get(nameOf(answer, key)) ?? null,
    async remove(answers) {
      for (const name of [...texts.keys()])
        if (answers.some((answer) => name.startsWith(nameOf(answer)))) texts.delete(name);
    },
  };
  return { answerFiles, texts, chargedBefore };
}

/** Buys one answer with a key. */
async function buyKeyed(provider: Provider, headers: Record<string, string>) {
  const posted = provider.post(ask({ stream: true }), { headers: { ...keyed(1), ...headers } });
  const run = await provider.engine.next();
  run.start(3);
  run.text('Hi', 1);
  run.end('stop');
  await reading(await posted).rest();
}

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

describe('a line of a batch with a key', () => {
  it('is filed before it is charged, and collected with its key from a provider that started again', async () => {
    let provider: Provider | null = null;
    const { answerFiles, chargedBefore } = memoryFiles(() => provider?.charged.length ?? -1);
    provider = await setUp({ answerFiles });
    await buyKeyed(provider, batch());
    assert.deepEqual(chargedBefore, [0]);
    assert.equal(provider.charged.length, 1);
    const next = await setUp({ answerFiles });
    await refused(await collect(next), 404, {});
    await refused(await collect(next, ID, 'requester', keyed(2)), 404, {});
    await refused(await collect(next, ID, 'stranger', keyed(1)), 404, {});
    await refused(await collect(next, ID, 'requester', { [BATCH_KEY_HEADER]: 'short' }), 400, {
      code: 'invalid_value',
    });
    assert.equal(textOf(await reading(await collect(next, ID, 'requester', keyed(1))).rest()), 'Hi');
  });

  it('is deleted everywhere when its buyer says that it has it, and nobody else’s is', async () => {
    const { answerFiles, texts } = memoryFiles(() => 0);
    const provider = await setUp({ answerFiles });
    const [second, third] = [ID.replace('0', '1'), ID.replace('0', '2')];
    await buyKeyed(provider, batch());
    await buyKeyed(provider, { ...batch(second), 'x-peer-id': 'other', ...provider.voucher('other') });
    await buyKeyed(provider, { ...batch(third), [BATCH_TAKEN_HEADER]: `${ID} ${second} ../x` });
    await refused(await collect(provider, ID, 'requester', keyed(1)), 404, {});
    assert.equal((await collect(provider, second, 'other', keyed(1))).status, 200);
    assert.deepEqual(
      [...texts.keys()].map((name) => name.split(' ')[1]),
      [second, third],
    );
  });
});

describe('a line of a batch that has no whole answer', () => {
  it('costs nothing if the machine fails, unlike a live request', async () => {
    const provider = await setUp();
    for (const headers of [batch(), {}]) {
      const posted = provider.post(ask({ stream: true }), { headers });
      const run = await provider.engine.next();
      run.start(3);
      run.text('Hello', 1);
      const response = reading(await posted);
      run.fail('engine-failed');
      await response.rest();
      assert.equal(provider.charged.length, BATCH_JOB_HEADER in headers ? 0 : 1);
    }
    provider.assertIdle();
  });

  it('isn’t begun if its buyer has left', async () => {
    const provider = await setUp();
    const leave = new AbortController();
    const admit = provider.gate.admit;
    Object.assign(provider.gate, {
      async admit(...args: Parameters<typeof admit>) {
        leave.abort();
        return admit(...args);
      },
    });
    await provider.post(ask({ stream: true }), { headers: batch(), signal: leave.signal }).catch(() => null);
    await refused(await collect(provider), 404, {});
    assert.equal(provider.charged.length, 0);
    provider.assertIdle();
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
