/**
 * Verifies: a claim that no block takes is replaced with a higher fee, and is recorded once.
 * Setup: a provider and a requester on a real chain that mines only on demand; the test moves the fee
 * recorder's clock.
 * Fails if: a claim that pays too little waits until the payer has withdrawn its deposit, the replacement is recorded
 * under the wrong hash, or its fee is counted twice.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startPracticeChain } from '../../main/adapters/anvil/index.ts';
import { connectNode, createSender } from '../../main/adapters/ethers/index.ts';
import { recoverSigner } from '../../main/adapters/secp256k1/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import {
  createChannelClaims,
  createPaymentGate,
  openProviderChannels,
} from '../../main/adapters/x402/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createLedger } from '../../main/core/ledger/index.ts';
import { createFeeRecorder, createSettlement } from '../../main/core/payments/index.ts';
import type { SettlementEvent } from '../../main/ports/chain.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { silentLog } from '../../main/ports/log.ts';
import { amount } from '../../shared/money.ts';
import { manualClock } from '../fakes/clock.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';
import { TEST_METHODS } from './chain-methods.ts';
import {
  buy,
  DEPOSIT_MIN,
  makeAccounts,
  openRequester,
  reach,
  serve,
  WITHDRAW_DELAY_SECONDS,
} from './paid-service.ts';

/** x402 waits for a receipt for a minute; the test has no reason to. */
const RECEIPT_TIMEOUT_MS = 300;

/** A provider as the agent opens it: the fee recorder tells the outbox of each replacement. */
async function openParts(folder: string) {
  const chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
  const accounts = await makeAccounts();
  await chain.fund(accounts.gas.address, amount(0));
  const node = connectNode(chain.network);
  const store = createMemoryRecordStore();
  const clock = manualClock(1_800_000_000_000);
  const calendar = createCalendar('UTC');
  const ledger = createLedger({ store: openDatabase(':memory:').ledger, clock: systemClock, calendar });
  const coinId = chain.network.coin.id;
  ledger.faucet({ reference: 'gas', assetId: coinId, amount: amount(10n ** 19n) });
  const plain = createSender(node, accounts.gas);
  const fees = createFeeRecorder({
    sender: { ...plain, waitForReceipt: (hash) => plain.waitForReceipt(hash, RECEIPT_TIMEOUT_MS) },
    store,
    ledger,
    coinId,
    clock,
    log: silentLog,
  });
  const channels = await openProviderChannels({
    network: node.network,
    payout: accounts.funds.address,
    authorizer: accounts.session,
    sender: fees.sender,
    store,
    withdrawDelaySeconds: WITHDRAW_DELAY_SECONDS,
    depositMin: DEPOSIT_MIN,
    recoverSigner,
  });
  fees.onReplaced((earlier, hash) => channels.outbox.replace(earlier, hash));
  const claims = createChannelClaims(channels, systemClock);
  const settlement = createSettlement({ claims, clock: systemClock, threshold: () => amount(1) });
  const service = await serve({
    accounts,
    store,
    channels,
    gate: createPaymentGate(channels),
    claims,
    settlement,
    node,
  });
  return { chain, node, store, clock, ledger, coinId, fees, channels, settlement, service };
}

/** Ends when a condition is true; the chain answers over HTTP. */
async function eventually(what: string, check: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!check()) {
    assert.ok(performance.now() < deadline, `did not happen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a stuck claim is replaced, mined, paid out and recorded under the hash that was mined', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-stuck-'));
  const parts = await openParts(folder);
  const { chain, node, store, clock, ledger, coinId, fees, channels, settlement, service } = parts;
  const timer = fees.start();
  try {
    const buying = await makeAccounts();
    await chain.fund(buying.funds.address);
    const charged = await buy(openRequester(chain, buying), reach(service));
    const deposited = ledger.balance('fees:network', coinId);
    const events: SettlementEvent[] = [];
    settlement.onEvent((event) => events.push(event));

    await node.send('evm_setAutomine', [false]);
    await assert.rejects(settlement.settleNow(), { code: 'chain-unavailable' });
    const [stuck] = channels.outbox.entries();
    assert.equal(stuck?.type, 'claimed');
    clock.advance(200_000);
    await eventually('the replacement', () => channels.outbox.entries()[0]?.hash !== stuck?.hash);
    const [replacement] = channels.outbox.entries();
    assert.deepEqual(replacement?.earlier, [stuck?.hash]);

    await node.send('evm_mine', []);
    await node.send('evm_setAutomine', [true]);
    const result = await settlement.settleNow();
    assert.deepEqual(
      result.claims.map(({ tx }) => tx.hash),
      [replacement?.hash],
    );
    assert.equal(result.settle?.amount, charged);
    clock.advance(5_000);
    await eventually('the fees', () => store.list('fees-to-book').length === 0);
    const sent = events.flatMap((event) => (event.type === 'waiting' ? [] : [event.tx.fee]));
    assert.equal(
      ledger.balance('fees:network', coinId) - deposited,
      sent.reduce((sum, fee) => sum + fee, 0n),
      'each fee is recorded once',
    );
  } finally {
    timer.cancel();
    await service.close();
    node.close();
    await chain.stop();
    rmSync(folder, { recursive: true });
  }
});
