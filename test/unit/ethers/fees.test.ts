/**
 * Verifies: what a transaction pays per unit of gas never exceeds its limit, whatever the nodes report.
 * Setup: the pricing rules on many random fees, limits and histories of recent blocks (`IDLEWATT_SEED=N` repeats one).
 * Fails if: gas times price plus data fee exceeds the limit, a price can't be mined now, a replacement is one that
 * nodes refuse, or an invented tip or base fee passes the comparison with the recent blocks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priceWithin, replacementPrice, withinHistory } from '../../../main/adapters/ethers/fees.ts';

const GWEI = 10n ** 9n;
const seed = Number(process.env.IDLEWATT_SEED ?? 7);

/** Draws numbers of all sizes, since fees differ by many orders of magnitude. */
function draws(start: number) {
  let state = start >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return { size: (digitsMax: number) => BigInt(Math.floor(10 ** (next() * digitsMax))) };
}

test(`no price exceeds the limit, and each can be mined now (seed ${seed})`, () => {
  const draw = draws(seed);
  let accepted = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const fees = { baseFee: draw.size(13), tip: draw.size(13) };
    const terms = { gasLimit: draw.size(7), dataFee: draw.size(15), feeMax: draw.size(18) };
    const price = priceWithin(fees, terms);
    const least = terms.gasLimit * (fees.baseFee + fees.tip) + terms.dataFee;
    if (price === null) {
      assert.ok(least > terms.feeMax, `refused although ${least} is within ${terms.feeMax}`);
      continue;
    }
    accepted += 1;
    assert.ok(terms.gasLimit * price.maxFeePerGas + terms.dataFee <= terms.feeMax);
    assert.ok(price.maxFeePerGas >= fees.baseFee + fees.tip);
    assert.ok(price.maxPriorityFeePerGas <= price.maxFeePerGas);
  }
  assert.ok(accepted > 1_000, `only ${accepted} accepted`);
});

test(`a replacement is within the limit and 12.5% above the previous one (seed ${seed})`, () => {
  const draw = draws(seed + 1);
  let replaced = 0;
  for (let round = 0; round < 20_000; round += 1) {
    const maxFeePerGas = draw.size(13);
    const tip = draw.size(13);
    const previous = { maxFeePerGas, maxPriorityFeePerGas: tip < maxFeePerGas ? tip : maxFeePerGas };
    const terms = { gasLimit: draw.size(7), dataFee: draw.size(15), feeMax: draw.size(18) };
    const price = replacementPrice(previous, { baseFee: draw.size(13), tip: draw.size(13) }, terms);
    if (price === null) continue;
    replaced += 1;
    assert.ok(terms.gasLimit * price.maxFeePerGas + terms.dataFee <= terms.feeMax);
    assert.ok(price.maxFeePerGas * 1_000n >= previous.maxFeePerGas * 1_125n);
    assert.ok(price.maxPriorityFeePerGas * 1_000n >= previous.maxPriorityFeePerGas * 1_125n);
    assert.ok(price.maxPriorityFeePerGas <= price.maxFeePerGas);
  }
  assert.ok(replaced > 1_000, `only ${replaced} replaced`);
});

test('a limit that is smaller than the data fee, and a gas limit of zero, allow no price', () => {
  const fees = { baseFee: 1n, tip: 1n };
  assert.equal(priceWithin(fees, { gasLimit: 21_000n, dataFee: 100n, feeMax: 100n }), null);
  assert.equal(priceWithin(fees, { gasLimit: 0n, dataFee: 0n, feeMax: 100n }), null);
});

test('a tip is limited to three times the usual one, or to the base fee', () => {
  const reward = [[GWEI], [2n * GWEI], [3n * GWEI]];
  const tipOf = (tip: bigint, baseFee = GWEI) => withinHistory({ baseFee, tip }, { reward })?.tip;
  assert.equal(tipOf(5n * GWEI), 5n * GWEI);
  assert.equal(tipOf(100_000n * GWEI), 6n * GWEI);
  assert.equal(tipOf(100_000n * GWEI, 20n * GWEI), 20n * GWEI);
  const unknown = withinHistory({ baseFee: 10n, tip: GWEI }, { reward: null });
  assert.equal(unknown?.tip, 1_000_000n, 'without rewards a small tip remains, which nodes accept');
});

test('a base fee more than four times that of the recent blocks is ruled out', () => {
  const baseFeePerGas = Array.from({ length: 21 }, (_, block) => GWEI + BigInt(block));
  assert.ok(withinHistory({ baseFee: 4n * GWEI, tip: 1n }, { baseFeePerGas }));
  assert.equal(withinHistory({ baseFee: 5n * GWEI, tip: 1n }, { baseFeePerGas }), null);
  assert.ok(withinHistory({ baseFee: 5n * GWEI, tip: 1n }, { baseFeePerGas: [0n, 0n] }), 'zero is unknown');
});

test('a chain whose blocks are full for as long as the history is never ruled out', () => {
  const baseFeePerGas = [GWEI];
  for (let block = 0; block < 20; block += 1) {
    const last = baseFeePerGas.at(-1) ?? GWEI;
    baseFeePerGas.push(last + last / 8n);
  }
  assert.ok(withinHistory({ baseFee: baseFeePerGas.at(-1) ?? 0n, tip: 1n }, { baseFeePerGas }));
});
