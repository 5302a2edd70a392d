/**
 * Verifies: a batch that is interrupted at any moment continues, answers every line once and pays each answer once.
 * Setup: real gateway, provider and stores; the buyer is stopped, or loses its connection, while lines are computed, and
 * another one opens the same folder. The provider counts what it computes and charges.
 * Fails if: a line is computed or charged twice, or missing, after an interruption, or is bought again while a charge for
 * it may still come.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { openBatchFolder } from '../../../main/core/batches/index.ts';
import { KEPT_ANSWERS_PATH } from '../../../shared/wire.ts';
import { chatLine, isEnded, openBatchMarket } from './batch-market.ts';

const LINES = 60;
const lines = Array.from({ length: LINES }, (_, index) => chatLine(`line-${index}`, `a b c number ${index}`));
const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

describe('a batch', () => {
  it('answers and pays every line once although it is stopped again and again', async () => {
    const market = await openBatchMarket();
    closers.push(market.close);
    let buyer = await market.openBuyer();
    const lives = [buyer.jobs];
    const { id } = await buyer.begin(lines);
    for (let stops = 1; stops <= 6; stops += 1) {
      await buyer.until(id, ({ request_counts: { completed } }) => completed >= stops * 7);
      await market.hold();
      await buyer.close();
      market.release();
      buyer = await market.openBuyer();
      lives.push(buyer.jobs);
    }
    const batch = await buyer.until(id, isEnded);
    assert.equal(batch.status, 'completed');
    assert.deepEqual(batch.request_counts, { total: LINES, completed: LINES, failed: 0 });
    const results = await buyer.results(batch.output_file_id);
    assert.deepEqual(
      results.map(({ custom_id }) => custom_id),
      lines.map(({ custom_id }) => custom_id),
    );
    assert.equal(market.engine.requests.length, LINES, 'each line is computed once');
    assert.equal(market.provider.charged.length, LINES, 'each line is charged once');
    // A stop between an answer and its receipt leaves the charge to the payment client, which asks for it after the next
    // start. The fake one doesn't; batch-kills.test.ts of the contract group compares what is charged with real payments.
    const known = lives
      .flatMap((jobs) => jobs.all())
      .reduce((sum, job) => sum + BigInt(job.charged ?? 0), 0n);
    // The same goes for a stop between a receipt and the batch's sum: the fake's jobs end with each start.
    assert.ok(BigInt(batch.idlewatt.charged) <= known, `${batch.idlewatt.charged} of ${known}`);
    assert.ok(BigInt(batch.idlewatt.charged) > 0n);
    const charged = market.provider.charged.reduce((sum, { receipt }) => sum + BigInt(receipt.charged), 0n);
    assert.ok(known <= charged, `${known} of ${charged}`);
  });

  it('collects an answer whose connection was lost instead of buying it again', async () => {
    const market = await openBatchMarket();
    closers.push(market.close);
    const buyer = await market.openBuyer();
    const { id } = await buyer.begin(lines.slice(0, 20));
    await buyer.until(id, ({ request_counts: { completed } }) => completed >= 5);
    await market.hold();
    market.breakConnections();
    market.release();
    const batch = await buyer.until(id, isEnded);
    assert.deepEqual(batch.request_counts, { total: 20, completed: 20, failed: 0 });
    assert.equal(market.engine.requests.length, 20);
    assert.equal(market.provider.charged.length, 20);
    assert.ok(market.collected() > 0, `nothing was asked for at ${KEPT_ANSWERS_PATH}`);
  });

  it('buys an answer again that its provider has lost and didn’t charge', async () => {
    const market = await openBatchMarket();
    closers.push(market.close);
    const buyer = await market.openBuyer();
    const { id } = await buyer.begin(lines.slice(0, 12));
    await buyer.until(id, ({ request_counts: { completed } }) => completed >= 3);
    await market.hold();
    market.engine.crash();
    market.release();
    const batch = await buyer.until(id, isEnded);
    assert.deepEqual(batch.request_counts, { total: 12, completed: 12, failed: 0 });
  });
});

describe('a batch that continues after a stop', () => {
  it('doesn’t begin a line a second time while it is bought again', async () => {
    const market = await openBatchMarket();
    closers.push(market.close);
    const first = await market.openBuyer();
    const holding = market.hold();
    const { id } = await first.begin(lines.slice(0, 2));
    await holding;
    while (first.store.lines(id, 'sent', 0, 2).length < 2) await new Promise((go) => setTimeout(go, 1));
    await first.close();
    market.loseAnswers();
    market.release();
    const folder = openBatchFolder(join(market.folder, 'files'));
    const isSent = () => buyer.store.findLine(id, 1)?.state === 'sent';
    const buyer = await market.openBuyer({
      // All lost answers are known to be free.
      chargeOf: (job) => (first.jobs.all().some((known) => known.id === job) ? 0n : 1n),
      folder: {
        ...folder,
        /** The first line is about to be bought again when the second one is read. */
        async read(file, offset, bytes) {
          while (offset > 0 && isSent()) await new Promise((go) => setImmediate(go));
          return folder.read(file, offset, bytes);
        },
      },
    });
    const batch = await buyer.until(id, isEnded);
    assert.deepEqual(batch.request_counts, { total: 2, completed: 2, failed: 0 });
    assert.equal(buyer.jobs.all().length, 2);
  });
});

describe('a batch whose provider has lost an answer', () => {
  /** Loses one line's answer. The provider tells its charge when it is asked for the third time; until then it is open. */
  async function loseOne(cost: bigint) {
    const market = await openBatchMarket();
    closers.push(market.close);
    const costs = new Map<string, bigint>();
    const lost = new Set<string>();
    let asked = 0;
    const buyer = await market.openBuyer({
      chargeOf: (job) => costs.get(job) ?? (lost.has(job) ? null : 1n),
      isChargeOpen: (job) => lost.has(job) && !costs.has(job),
      async askCharges() {
        asked += 1;
        if (asked >= 3) for (const job of lost) costs.set(job, cost);
      },
    });
    const holding = market.hold();
    const { id } = await buyer.begin(lines.slice(0, 1));
    await holding;
    return { market, buyer, id, lost, asked: () => asked };
  }

  for (const [name, cost] of [
    ['doesn’t buy it again if it was charged, however late that is known', 7n],
    ['buys it again once it is known to be free', 0n],
  ] as const) {
    it(name, async () => {
      const { market, buyer, id, lost, asked } = await loseOne(cost);
      for (const job of buyer.jobs.all()) lost.add(job.id);
      market.loseAnswers();
      market.breakConnections();
      while (asked() < 3) await new Promise((go) => setTimeout(go, 1));
      market.release();
      const batch = await buyer.until(id, isEnded);
      const [line] = await buyer.results(batch.output_file_id ?? batch.error_file_id);
      assert.equal(market.engine.requests.length, cost > 0n ? 1 : 2);
      assert.equal(line?.error?.code, cost > 0n ? 'answer_lost' : undefined);
      assert.equal(line?.idlewatt.charged, cost > 0n ? '7' : '1');
      assert.equal(batch.idlewatt.charged, line?.idlewatt.charged);
    });
  }
});
