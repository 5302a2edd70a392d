/**
 * Verifies: a claim whose transaction was replaced is reported once, under the hash that was mined.
 * Setup: the outbox on records in memory, a map as the chain.
 * Fails if: a replaced claim is forgotten, reported twice or claimed again, or a dropped transaction leaves a gap in the
 * nonces.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createOutbox,
  hasUnacknowledgedClaim,
  recoverOutbox,
} from '../../../main/adapters/x402/chain/outbox.ts';
import type { Hex, TransactionReceipt } from '../../../main/ports/evm.ts';
import { amount } from '../../../shared/money.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const hashOf = (digit: string): Hex => `0x${digit.repeat(64)}`;
const [FIRST, SECOND, THIRD] = [hashOf('1'), hashOf('2'), hashOf('3')];

function setUp() {
  const outbox = createOutbox(createMemoryRecordStore());
  const mined = new Map<Hex, TransactionReceipt>();
  const pending = new Set<Hex>();
  let forgotten = 0;
  const chain = {
    receipt: async (hash: Hex) => mined.get(hash) ?? null,
    isPending: async (hash: Hex) => pending.has(hash),
    height: async () => 10,
    forgetNonce: () => {
      forgotten += 1;
    },
  };
  const mine = (hash: Hex, status: 'success' | 'reverted' = 'success') =>
    mined.set(hash, {
      hash,
      status,
      blockNumber: 4,
      blockHash: hash,
      fee: amount(7),
      gasUsed: 7n,
      logs: [],
    });
  outbox.begin({
    type: 'claimed',
    hash: FIRST,
    channels: [{ channelId: '0xc', amount: amount(5), claimedTotal: amount(5) }],
  });
  return { outbox, chain, pending, mine, forgotten: () => forgotten };
}

for (const [name, hash] of [
  ['the last replacement', THIRD],
  ['the first transaction', FIRST],
  ['one in between', SECOND],
] as const) {
  test(`reports a replaced claim under the hash of ${name}`, async () => {
    const { outbox, chain, pending, mine } = setUp();
    outbox.replace(FIRST, SECOND);
    outbox.replace(SECOND, THIRD);
    pending.add(THIRD);
    assert.deepEqual(await recoverOutbox(outbox, chain, 1), []);
    assert.ok(hasUnacknowledgedClaim(outbox, '0xc'), 'it is not claimed again meanwhile');
    pending.clear();
    mine(hash);
    for (let restart = 0; restart < 2; restart += 1) {
      const outcomes = await recoverOutbox(outbox, chain, 1);
      assert.deepEqual(
        outcomes.map(({ tx }) => tx.hash),
        [hash],
      );
      assert.equal(outbox.entries().length, 1);
      assert.ok(outbox.find(hash), 'the acknowledgment finds it');
    }
  });
}

test('a replacement of another transaction is ignored', () => {
  const { outbox } = setUp();
  outbox.replace(SECOND, THIRD);
  assert.deepEqual(
    outbox.entries().map(({ hash }) => hash),
    [FIRST],
  );
});

test('a transaction that no node has frees its nonce; a reverted one does not', async () => {
  const { outbox, chain, forgotten } = setUp();
  await recoverOutbox(outbox, chain, 1);
  assert.equal(forgotten(), 1);
  assert.deepEqual(outbox.entries(), []);
  const { outbox: other, chain: node, mine, forgotten: count } = setUp();
  mine(FIRST, 'reverted');
  assert.deepEqual(await recoverOutbox(other, node, 1), []);
  assert.equal(count(), 0);
});
