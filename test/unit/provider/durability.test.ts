/**
 * Verifies: output leaves only with its voucher and its job on disk, and a receipt only with its charge on disk.
 * Setup: the real service with a scripted engine, and a job store whose disk the test holds up and breaks.
 * Fails if: output or a receipt leaves before the disk has what they rely on, or a broken disk leaves a channel in
 * use.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { storageError } from '../../../main/ports/storage.ts';
import { RECEIPT_EVENT, RECEIPT_HEADER } from '../../../shared/offer.ts';
import { createFakeJobs } from '../../fakes/jobs.ts';
import { ask, refused, setUp, turn } from './provider-setup.ts';

/** A job store whose `durable` waits until the test lets it. */
function slowJobs() {
  const waiting: PromiseWithResolvers<void>[] = [];
  const durable = () => {
    const wait = Promise.withResolvers<void>();
    waiting.push(wait);
    return wait.promise;
  };
  return {
    jobs: { ...createFakeJobs(), durable },
    /** Resolves when the service waits for the disk. */
    async asked(): Promise<PromiseWithResolvers<void>> {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) return next;
        await turn();
      }
    },
  };
}

const turns = async (count: number) => {
  for (let done = 0; done < count; done += 1) await turn();
};

test('output and receipt wait for the disk, work does not', async () => {
  const { jobs, asked } = slowJobs();
  const { post, engine, assertIdle } = await setUp({ jobs });
  let isAnswered = false;
  const answer = post({ ...ask(), stream: true }).then((response) => {
    isAnswered = true;
    return response;
  });
  const admitted = await asked();
  const request = await engine.next();
  request.start(3);
  request.text('Hi', 1);
  request.end('stop');
  await turns(20);
  assert.equal(isAnswered, false, 'the voucher is not on disk');
  admitted.resolve();
  const response = await answer;
  assert.equal(response.status, 200);
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
  })();
  const charged = await asked();
  assert.deepEqual(
    jobs.all().map(({ state }) => state),
    ['charged'],
  );
  await turns(20);
  assert.match(text, /"content":"Hi"/);
  assert.ok(!text.includes(RECEIPT_EVENT), 'the charge is not on disk');
  charged.resolve();
  await reading;
  assert.ok(text.includes(RECEIPT_EVENT));
  assertIdle();
});

test('a disk that takes no voucher stops the work, and frees the channel', async () => {
  const { jobs, asked } = slowJobs();
  const { post, engine, gate, assertIdle } = await setUp({ jobs });
  const answer = post(ask());
  const admitted = await asked();
  const request = await engine.next();
  request.start(3);
  request.text('Hi', 1);
  admitted.reject(storageError('disk-full'));
  await refused(await answer, 503, { code: 'paused_disk_full' });
  assert.equal(request.signal.aborted, true);
  assert.equal(gate.cancels, 1);
  assertIdle();
});

test('a disk that takes no charge keeps the receipt back', async () => {
  const { jobs, asked } = slowJobs();
  const { post, engine } = await setUp({ jobs });
  const answer = post(ask());
  (await asked()).resolve();
  const request = await engine.next();
  request.start(3);
  request.text('Hi', 1);
  request.end('stop');
  (await asked()).reject(storageError('disk-full'));
  const response = await answer;
  assert.equal(response.headers.get(RECEIPT_HEADER), null);
});

test('a receipt whose charge is on disk reaches the buyer, even if a listener fails after that', async () => {
  const { post, engine, faults } = await setUp({
    onCharged() {
      throw storageError('database-lost');
    },
  });
  const answer = post(ask());
  const request = await engine.next();
  request.start(3);
  request.text('Hi', 1);
  request.end('stop');
  assert.notEqual((await answer).headers.get(RECEIPT_HEADER), null);
  assert.equal(faults.length, 1, 'the failure is reported');
});
