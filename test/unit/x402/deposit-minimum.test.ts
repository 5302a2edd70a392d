/**
 * Verifies: the minimum deposit is ten times the current fee of its transaction, and never below the configured minimum.
 * Setup: a chain whose gas price the test sets, and a clock that the test moves.
 * Fails if: deposits worth less than their fee are accepted, an unavailable chain delays or stops a request, the chain is
 * queried for each request.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createDepositMinimum } from '../../../main/adapters/x402/selling/deposit-minimum.ts';
import type { CoinPrice } from '../../../main/ports/chain.ts';
import { amount } from '../../../shared/money.ts';

const BASE = amount(10_000n);
const PRICE: CoinPrice = { token: amount(5_000_000_000n), coin: amount(10n ** 18n) };
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function setUp(coinPrice: () => CoinPrice | null = () => PRICE) {
  const chain = { price: 10_000_000n, dataFee: amount(0n), queries: 0, isAvailable: true };
  let nowMs = 0;
  const minimum = createDepositMinimum({
    base: BASE,
    coinPrice,
    monotonic: () => nowMs,
    chain: {
      async gasPrice() {
        chain.queries += 1;
        if (!chain.isAvailable) throw new Error('unavailable');
        return chain.price;
      },
      async dataFee(bytes) {
        assert.equal(bytes, 1_000);
        return chain.dataFee;
      },
    },
  });
  function advance(durationMs: number): void {
    nowMs += durationMs;
  }
  return { chain, minimum, advance };
}

it('is ten times the fee: 120,000 gas at 0.01 gwei and 5,000 USDC cost 0.006 USDC', async () => {
  const { minimum } = setUp();
  assert.equal(minimum(), BASE, 'not known yet');
  await turn();
  assert.equal(minimum(), 60_000n);
});

it('counts what a rollup charges for the data, which is many times the gas where that is cheap', async () => {
  const { chain, minimum, advance } = setUp();
  chain.dataFee = amount(10_000_000_000_000n);
  advance(60_000);
  minimum();
  await turn();
  // 0.0000012 of the coin for gas and 0.00001 for data, ten times, at 5,000 USDC.
  assert.equal(minimum(), 560_000n);
});

it('follows the gas price, which is read once a minute, and never falls below the configured minimum', async () => {
  const { chain, minimum, advance } = setUp();
  await turn();
  chain.price = 100_000_000n;
  for (let request = 0; request < 100; request += 1) minimum();
  assert.deepEqual([minimum(), chain.queries], [60_000n, 1]);
  advance(60_000);
  minimum();
  await turn();
  assert.deepEqual([minimum(), chain.queries], [600_000n, 2]);
  chain.price = 1n;
  advance(60_000);
  minimum();
  await turn();
  assert.equal(minimum(), BASE);
});

it('uses the last price while the chain is unavailable', async () => {
  const { chain, minimum, advance } = setUp();
  await turn();
  chain.isAvailable = false;
  advance(3_600_000);
  minimum();
  await turn();
  assert.deepEqual([minimum(), chain.queries], [60_000n, 2]);
});

it('is the configured minimum where the coin has no price', async () => {
  const { chain, minimum } = setUp(() => null);
  await turn();
  assert.deepEqual([minimum(), chain.queries], [BASE, 0]);
});
