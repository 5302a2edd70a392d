/**
 * Verifies: every reason that a receivable can have is shown in the situation that it names.
 * Setup: one situation per reason, on a claims port in memory.
 * Fails if: a reason is never reached, or another one hides it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { amount } from '../../../shared/money.ts';
import { RECEIVABLE_REASONS, type ReceivableReason } from '../../../shared/receivables.ts';
import { settled, setUp } from './fake-claims.ts';

type Shown = string | undefined;

const reasonOf = ({ settlement }: ReturnType<typeof setUp>, id = 'a'): Shown =>
  settlement.receivables().find(({ channelId }) => channelId === id)?.reason;

function owing(charged: bigint, withdrawing = false) {
  const parts = setUp();
  parts.claims.owe('a', charged, withdrawing);
  return parts;
}

async function afterFailure(failure: 'away' | 'mismatch' | 'poor' | 'broken'): Promise<Shown> {
  const parts = owing(5n);
  parts.claims[failure] = true;
  await assert.rejects(parts.settlement.settleNow());
  return reasonOf(parts);
}

/** Begins a settlement whose claim waits; `release` lets it continue. */
async function startClaim() {
  const parts = owing(5n);
  const { promise, resolve } = Promise.withResolvers<void>();
  parts.claims.stall = promise;
  const running = parts.settlement.settleNow();
  await settled();
  return { ...parts, running, release: resolve };
}

/** Settles at a known price of the coin; a fee of 1/10 of the balance due is too high, 1/100 is not. */
async function withFee(feeCoin: bigint) {
  const parts = setUp(1_000n, undefined, () => ({ token: amount(1n), coin: amount(1n) }));
  parts.claims.owe('a', 2_000n);
  parts.claims.feeCoin = feeCoin;
  parts.claims.away = true;
  parts.settlement.start();
  parts.claims.away = false;
  parts.clock.advance(1);
  await settled();
  parts.clock.advance(60_000);
  await settled();
  return parts;
}

const SITUATIONS: Readonly<Record<ReceivableReason, () => Promise<Shown>>> = {
  'below-threshold': async () => reasonOf(owing(5n)),
  'waiting-for-schedule': async () => reasonOf(owing(5_000n)),
  'payer-withdrawing': async () => reasonOf(owing(5n, true)),
  async confirming() {
    const parts = owing(5_000n);
    parts.claims.confirming = true;
    return reasonOf(parts);
  },
  async claiming() {
    const parts = await startClaim();
    const shown = reasonOf(parts);
    parts.release();
    await parts.running;
    return shown;
  },
  async settling() {
    const parts = await startClaim();
    let shown: Shown;
    // A charge that arrives between claim and payout.
    parts.settlement.onEvent((event) => {
      if (event.type === 'settled') shown = reasonOf(parts, 'b');
    });
    parts.claims.owe('b', 7n);
    parts.release();
    await parts.running;
    return shown;
  },
  'chain-unavailable': () => afterFailure('away'),
  'chain-disagrees': () => afterFailure('mismatch'),
  'no-coin-for-fee': () => afterFailure('poor'),
  'settlement-failed': () => afterFailure('broken'),
  async 'voucher-refused'() {
    const parts = owing(5n);
    parts.claims.bad = 'a';
    await parts.settlement.settleNow();
    return reasonOf(parts);
  },
  async 'wallet-not-backed-up'() {
    const parts = setUp(1_000n, () => true);
    parts.claims.owe('a', 5n);
    await parts.settlement.settleNow();
    assert.equal(parts.settlement.receivables()[0]?.state, 'claimed');
    return reasonOf(parts);
  },
  async 'undone-by-chain'() {
    const parts = owing(5n);
    await parts.settlement.settleNow();
    parts.claims.undo('0x9', 'a', 5n);
    parts.settlement.start();
    await settled();
    const shown = reasonOf(parts);
    await parts.settlement.stop();
    return shown;
  },
  async 'fee-too-high'() {
    const parts = await withFee(200n);
    const shown = reasonOf(parts);
    assert.deepEqual(parts.claims.batches, [], 'twenty fees are more than the balance due');
    await parts.settlement.stop();
    return shown;
  },
};

for (const reason of RECEIVABLE_REASONS) {
  test(`a receivable shows ${reason}`, async () => assert.equal(await SITUATIONS[reason](), reason));
}

test('a charge that is not claimed yet is owed', () => {
  assert.equal(owing(5n).settlement.receivables()[0]?.state, 'owed');
});

test('claims once the network fee has fallen', async () => {
  const { claims, clock, settlement } = await withFee(200n);
  claims.feeCoin = 20n;
  clock.advance(60_000);
  await settled();
  assert.deepEqual(claims.batches, [['a']]);
  await settlement.stop();
});
