/**
 * Verifies: a batch waits, says why and continues automatically when the budget, the hours, the price or the disk doesn't
 * allow another line; and it ends when its 24 hours are over.
 * Setup: real gateway, provider and stores, a clock that the test moves.
 * Fails if: a line is bought beyond a limit, a waiting batch fails, or one hangs after the limit has gone.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { UNLIMITED } from '../../../main/core/budget/index.ts';
import { aboveLimit } from '../../../main/core/budget/passed-over.ts';
import { COMPLETION_WINDOW_MS } from '../../../shared/batches.ts';
import { AppError } from '../../../shared/errors.ts';
import { NO_KEY_LIMITS } from '../../../shared/gateway-keys.ts';
import type { OfferedModel } from '../../../shared/offer.ts';
import { type ManualClock, manualClock } from '../../fakes/clock.ts';
import { createTestKeys } from '../../fakes/gateway-keys.ts';
import { OFFERED } from '../../fakes/market.ts';
import { createFakePayer } from '../../fakes/payer.ts';
import { type BatchObject, chatLine, isEnded, openBatchMarket } from './batch-market.ts';

const MINUTE_MS = 60_000;
const lines = Array.from({ length: 12 }, (_, index) => chatLine(`line-${index}`, `number ${index}`));
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

type Buyer = Awaited<ReturnType<Awaited<ReturnType<typeof openBatchMarket>>['openBuyer']>>;

/** Moves the clock until the batch has reached a state; the test's own time limit ends it. */
async function passing(
  { find }: Buyer,
  clock: ManualClock,
  id: string,
  isReached: (batch: BatchObject) => boolean,
  stepMs = 1_000,
): Promise<BatchObject> {
  for (;;) {
    const batch = await find(id);
    if (isReached(batch)) return batch;
    clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

async function open(options: Parameters<Awaited<ReturnType<typeof openBatchMarket>>['openBuyer']>[0]) {
  const clock = manualClock(1_700_000_000_000);
  const market = await openBatchMarket({ clock });
  closers.push(market.close);
  return { clock, market, buyer: await market.openBuyer(options) };
}

describe('a batch', () => {
  it('waits while the daily budget is used up, and continues afterwards', async () => {
    let left = 5;
    const budget = {
      ...UNLIMITED,
      openRequest: () => ({
        ...UNLIMITED.openRequest(null),
        hold(peer: string, costMax: bigint) {
          if (left <= 0) throw aboveLimit('daily_budget_spent', 'The budget for 24 hours is used up.');
          left -= 1;
          return UNLIMITED.openRequest(null).hold(peer, costMax);
        },
      }),
    };
    const { clock, market, buyer } = await open({ gateway: { budget } });
    const { id } = await buyer.begin(lines);
    const waiting = await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for !== null);
    assert.equal(waiting.idlewatt.waiting_for, 'daily-budget');
    assert.equal(waiting.status, 'in_progress');
    assert.equal(market.provider.charged.length, 5);
    left = 100;
    const batch = await passing(buyer, clock, id, isEnded);
    assert.deepEqual(batch.request_counts, { total: 12, completed: 12, failed: 0 });
    assert.equal(market.provider.charged.length, 12);
  });

  it('waits for the hours of batches', async () => {
    let isOpen = false;
    const { clock, market, buyer } = await open({ isOpenNow: () => isOpen });
    const { id } = await buyer.begin(lines);
    const waiting = await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for !== null);
    assert.equal(waiting.idlewatt.waiting_for, 'hours');
    clock.advance(10 * MINUTE_MS);
    assert.equal(market.engine.requests.length, 0);
    isOpen = true;
    assert.equal((await passing(buyer, clock, id, isEnded)).request_counts.completed, 12);
  });

  it('asks the budget with the maximum price of batches, and waits for it', async () => {
    const asked: unknown[] = [];
    let isCheap = false;
    const budget = {
      ...UNLIMITED,
      openRequest(priceMax: unknown) {
        asked.push(priceMax);
        const opened = UNLIMITED.openRequest(null);
        return {
          ...opened,
          priceLimit: () =>
            isCheap ? opened.priceLimit('', []) : { inputPerMillion: '1', outputPerMillion: '1' },
          aboveLimit: () => aboveLimit('price_above_limit', 'That model costs more.'),
        };
      },
    };
    const { clock, buyer } = await open({ gateway: { budget }, priceMax: () => ({ outputPerMillion: '7' }) });
    const { id } = await buyer.begin(lines.slice(0, 3));
    const waiting = await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for !== null);
    assert.equal(waiting.idlewatt.waiting_for, 'price');
    assert.deepEqual(asked[0], { outputPerMillion: '7' });
    isCheap = true;
    assert.equal((await passing(buyer, clock, id, isEnded)).request_counts.completed, 3);
  });
});

describe('a batch without a provider', () => {
  it('waits for one, and begins within seconds when one offers the model', async () => {
    const clock = manualClock(1_700_000_000_000);
    const models: OfferedModel[] = [];
    const market = await openBatchMarket({ clock, models });
    closers.push(market.close);
    const buyer = await market.openBuyer();
    const { id } = await buyer.begin(lines);
    const waiting = await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for !== null);
    assert.equal(waiting.idlewatt.waiting_for, 'provider');
    // Long enough for the first answers of peers, which sell nothing yet.
    const beganMs = clock.monotonic();
    await passing(buyer, clock, id, () => clock.monotonic() - beganMs > 20_000);
    models.push(OFFERED);
    const offeredMs = clock.monotonic();
    await passing(buyer, clock, id, ({ request_counts }) => request_counts.completed > 0, 100);
    assert.ok(clock.monotonic() - offeredMs < 20_000, `${clock.monotonic() - offeredMs} ms`);
    assert.equal((await passing(buyer, clock, id, isEnded)).request_counts.completed, 12);
  });
});

describe('a batch, beyond money,', () => {
  it('waits while nothing can be recorded, and loses no line', async () => {
    let isFull = true;
    const { clock, market, buyer } = await open({
      gateway: {
        checkRecordable() {
          if (isFull) throw new AppError('disk-full', 'The disk is full.');
        },
      },
    });
    const { id } = await buyer.begin(lines);
    const waiting = await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for !== null);
    assert.equal(waiting.idlewatt.waiting_for, 'disk');
    isFull = false;
    assert.equal((await passing(buyer, clock, id, isEnded)).request_counts.completed, 12);
    assert.equal(market.engine.requests.length, 12);
  });

  it('begins a line once that was sent before a restart, has lost its answer and has to wait', async () => {
    const clock = manualClock(1_700_000_000_000);
    const market = await openBatchMarket({ clock });
    closers.push(market.close);
    const first = await market.openBuyer();
    const holding = market.hold();
    const { id } = await first.begin(lines.slice(0, 3));
    await passing(first, clock, id, () => market.engine.requests.length === 3);
    await holding;
    await first.close();
    market.loseAnswers();
    market.release();
    let isFull = true;
    let leases = 0;
    const paying = Promise.withResolvers<void>();
    const payer = createFakePayer(8);
    const gateway = {
      checkRecordable() {
        if (isFull) throw new AppError('disk-full', 'The disk is full.');
      },
      payer: {
        ...payer,
        async lease(...args: Parameters<typeof payer.lease>) {
          leases += 1;
          await paying.promise;
          return payer.lease(...args);
        },
      },
    };
    // As if the provider had charged for nothing.
    const buyer = await market.openBuyer({ gateway, chargeOf: () => null });
    await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for === 'disk');
    isFull = false;
    await passing(buyer, clock, id, () => leases >= 3);
    // Time in which lines that haven't been sent yet could be read again.
    for (let second = 0; second < 20; second += 1) {
      clock.advance(1_000);
      await buyer.find(id);
    }
    paying.resolve();
    const batch = await passing(buyer, clock, id, isEnded);
    assert.deepEqual(batch.request_counts, { total: 3, completed: 3, failed: 0 });
    assert.equal(market.engine.requests.length, 6, 'each of the three lost answers is bought again, once');
  });

  it('expires after 24 hours, with what was answered and an error for every other line', async () => {
    const { clock, buyer } = await open({ isOpenNow: () => false });
    const { id } = await buyer.begin(lines);
    await passing(buyer, clock, id, ({ status }) => status === 'in_progress');
    clock.advance(COMPLETION_WINDOW_MS);
    const batch = await passing(buyer, clock, id, isEnded);
    assert.equal(batch.status, 'expired');
    assert.deepEqual(batch.request_counts, { total: 12, completed: 0, failed: 12 });
    const errors = await buyer.results(batch.error_file_id);
    assert.equal(errors.length, 12);
    assert.ok(errors.every(({ error }) => error?.code === 'batch_expired'));
  });
});

describe('a batch of a key', () => {
  it('counts for the key that created it: waits for its day, and ends when the key is revoked', async () => {
    const clock = manualClock(1_700_000_000_000);
    const keys = createTestKeys({ clock });
    const market = await openBatchMarket({ clock });
    closers.push(market.close);
    const first = keys.add({ ...NO_KEY_LIMITS, name: 'first' });
    const one = await market.openBuyer({ gateway: { keys }, secret: first.secret });
    await passing(one, clock, (await one.begin(lines.slice(0, 1))).id, isEnded);
    const costOf = (id: string) => BigInt(keys.list().find((key) => key.id === id)?.spentTotal ?? -1);
    assert.deepEqual(
      one.jobs.all().map(({ apiKey }) => apiKey?.name),
      ['first'],
    );
    const cost = costOf(first.key.id);
    assert.ok(cost > 0n);
    await one.close();

    const dayMax = cost * 6n;
    const second = keys.add({ ...NO_KEY_LIMITS, name: 'second', dayMax: dayMax.toString() });
    const buyer = await market.openBuyer({ gateway: { keys }, secret: second.secret });
    const { id } = await buyer.begin(lines);
    const waiting = await passing(buyer, clock, id, ({ idlewatt }) => idlewatt.waiting_for !== null);
    assert.equal(waiting.idlewatt.waiting_for, 'daily-budget');
    assert.ok(costOf(second.key.id) > 0n && costOf(second.key.id) <= dayMax);
    assert.equal(costOf(first.key.id), cost);
    keys.revoke(second.key.id);
    await buyer.close();
    const ended = await passing(
      await market.openBuyer({ gateway: { keys }, secret: first.secret }),
      clock,
      id,
      isEnded,
    );
    assert.ok(ended.request_counts.completed > 0 && ended.request_counts.failed > 0, JSON.stringify(ended));
    assert.equal(ended.request_counts.completed + ended.request_counts.failed, lines.length);
  });
});
