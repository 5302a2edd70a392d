/**
 * Verifies: a batch that is interrupted at any moment continues, answers every line once and pays each answer once.
 * Setup: real gateway, provider and stores; the buyer is stopped, or loses its connection, while lines are computed, and
 * another one opens the same folder. The provider counts what it computes and charges.
 * Fails if: a line is computed or charged twice, or missing, after an interruption.
 */
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
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
    const { id } = await buyer.begin(lines);
    for (let stops = 1; stops <= 6; stops += 1) {
      await buyer.until(id, ({ request_counts: { completed } }) => completed >= stops * 7);
      await market.hold();
      await buyer.close();
      market.release();
      buyer = await market.openBuyer();
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
    const charged = market.provider.charged.reduce((sum, { receipt }) => sum + BigInt(receipt.charged), 0n);
    assert.equal(BigInt(batch.idlewatt.charged), charged);
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
