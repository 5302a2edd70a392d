/**
 * Verifies: a request with its voucher leaves only with voucher and job on disk, and a purchase is over only with its
 * charge on disk.
 * Setup: real provider and gateway services on networks in memory; a job store whose disk the test holds up and breaks.
 * Fails if: a voucher leaves that a power cut could take back, the agent may end before a charge is on disk, or a broken
 * disk sends a request.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { storageError } from '../../../main/ports/storage.ts';
import { createFakeJobs } from '../../fakes/jobs.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../../fakes/market.ts';
import { createFakeHub } from '../../fakes/network.ts';

const hub = createFakeHub();
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

async function setUp() {
  const [buying, selling] = [await hub.createNetwork(), await hub.createNetwork()];
  await buying.start();
  await selling.start();
  const provider = createFakeProvider(selling);
  await buying.connect(selling.addresses()[0] ?? '');
  const waiting: PromiseWithResolvers<void>[] = [];
  const jobs = {
    ...createFakeJobs(),
    durable() {
      const wait = Promise.withResolvers<void>();
      waiting.push(wait);
      return wait.promise;
    },
  };
  const gateway = await createFakeGateway(buying, { jobs });
  await gateway.directory.find(null);
  closers.push(async () => {
    await gateway.stop();
    await buying.stop();
    await selling.stop();
  });
  return {
    provider,
    jobs,
    gateway,
    /** Resolves when the gateway waits for the disk. */
    async asked(): Promise<PromiseWithResolvers<void>> {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) return next;
        await turn();
      }
    },
    ask: () =>
      fetch(`${gateway.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: OFFERED.id,
          messages: [{ role: 'user', content: 'Hello' }],
          max_tokens: 5,
        }),
      }),
  };
}

test('the request and the end of the purchase wait for the disk', async () => {
  const { provider, jobs, gateway, asked, ask } = await setUp();
  const answer = ask();
  const signed = await asked();
  for (let done = 0; done < 50; done += 1) await turn();
  assert.deepEqual(provider.jobs.all(), [], 'the voucher is not on disk');
  signed.resolve();
  const response = await answer;
  assert.equal(response.status, 200);
  await response.text();
  const charged = await asked();
  assert.deepEqual(
    jobs.all().map(({ state }) => state),
    ['charged'],
  );
  let isOver = false;
  const over = gateway.gateway.idle().then(() => {
    isOver = true;
  });
  for (let done = 0; done < 50; done += 1) await turn();
  assert.equal(isOver, false, 'the charge is not on disk');
  charged.resolve();
  await over;
});

test('a disk that takes nothing sends no request', async () => {
  const { provider, asked, ask } = await setUp();
  const answer = ask();
  (await asked()).reject(storageError('disk-full'));
  const response = await answer;
  assert.ok(response.status >= 500, String(response.status));
  assert.match(await response.text(), /disk/i);
  assert.deepEqual(provider.jobs.all(), []);
});
