/**
 * Verifies: earned money reaches the wallet regardless of payers, facilitators and chain reorganizations.
 * Setup: real vouchers on a real chain; payers that withdraw while the provider is down; the official facilitator
 * class behind HTTP that reports correctly, is down, refuses or reports false results; blocks that the chain drops; a
 * real ledger in memory.
 * Fails if: a payer can withdraw a balance due, a claim counts without proof on the chain, a payout still counts
 * after the chain dropped it, or counts twice, or a claim inside a refund is missing in the ledger.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodePaymentSignatureHeader } from '@x402/core/http';
import { signVoucher } from '@x402/evm/batch-settlement/client';
import settlementArtifact from '../../contracts/artifacts/BatchSettlement.json' with { type: 'json' };
import { createSender, readBalances } from '../../main/adapters/ethers/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createFacilitator } from '../../main/adapters/x402/chain/facilitator.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { bookSettlement, createJobs } from '../../main/core/jobs/index.ts';
import { createLedger } from '../../main/core/ledger/index.ts';
import type { SettlementEvent } from '../../main/ports/chain.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { SETTLEMENT_ADDRESS } from '../../main/ports/contracts.ts';
import type { Hex } from '../../main/ports/evm.ts';
import { CHANNEL_PATH } from '../../main/ports/payments.ts';
import { amount } from '../../shared/money.ts';
import { PAYMENT_HEADER, PAYMENT_REQUIRED_HEADER } from '../../shared/wire.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';
import { type LoopbackFacilitator, startFacilitator } from './loopback-facilitator.ts';
import {
  buy,
  makeAccounts,
  openMarket,
  openProvider,
  openRequester,
  type Provider,
  reach,
  serve,
} from './paid-service.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-survival-'));
let market: Awaited<ReturnType<typeof openMarket>>;
const closing: (() => Promise<unknown>)[] = [];

before(async () => {
  market = await openMarket(folder);
});
after(async () => {
  for (const close of closing) await close();
  await market.service.close();
  await market.chain.stop();
  rmSync(folder, { recursive: true });
});

async function freshPair(facilitators: readonly string[] = []) {
  const [selling, buying] = await Promise.all([makeAccounts(), makeAccounts()]);
  await market.chain.fund(selling.gas.address, amount(0));
  await market.chain.fund(buying.funds.address);
  const provider = await openProvider(market.chain, selling, { network: { facilitators } });
  const service = await serve(provider);
  closing.push(() => service.close());
  return { provider, service, requester: openRequester(market.chain, buying) };
}
type Pair = Awaited<ReturnType<typeof freshPair>>;

/** Records every settlement event in a real ledger, which starts with the charges so far as income. */
function recordInLedger(provider: Provider) {
  const database = openDatabase(':memory:');
  const ledger = createLedger({
    store: database.ledger,
    clock: systemClock,
    calendar: createCalendar('UTC'),
  });
  const jobs = createJobs({ records: database.jobs, store: database.records, ledger, clock: systemClock });
  const { token, coin } = market.chain.network;
  ledger.faucet({ reference: 'gas', assetId: coin.id, amount: amount(10n ** 19n) });
  for (const { channelId, charged } of provider.claims.accounts()) {
    ledger.recoverCharges({ side: 'sold', channelId, assetId: token.id, total: charged });
  }
  const events: SettlementEvent[] = [];
  provider.settlement.onEvent((event) => {
    events.push(event);
    bookSettlement(
      { jobs, ledger, transaction: database.transaction, tokenId: token.id, coinId: coin.id },
      event,
    );
  });
  const balance = (account: 'channels:owed' | 'contract:claimed' | 'wallet') =>
    ledger.balance(account, token.id);
  return { ledger, events, balance, fees: () => ledger.balance('fees:network', coin.id) };
}

const tokenOf = async ({ node }: Provider, address: string) =>
  (await readBalances(node, address, systemClock)).token;

async function eventually(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await check())) {
    assert.ok(performance.now() < deadline, `did not happen in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function configOf({ provider }: Pair) {
  return JSON.parse(provider.store.list('x402-sold-terms')[0]?.value ?? '{}');
}

async function beginWithdrawal(pair: Pair): Promise<void> {
  const { provider, requester } = pair;
  const sender = createSender(provider.node, requester.accounts.funds);
  const hash = await sender.writeContract({
    address: SETTLEMENT_ADDRESS,
    abi: settlementArtifact.abi,
    functionName: 'initiateWithdraw',
    args: [configOf(pair), 5_000n],
  });
  assert.equal((await sender.waitForReceipt(hash)).status, 'success');
}

test('claims immediately at start when a payer began to withdraw while the provider was down', async () => {
  const pair = await freshPair();
  await buy(pair.requester, reach(pair.service));
  await beginWithdrawal(pair);
  const restarted = await openProvider(market.chain, pair.provider.accounts, {
    store: createMemoryRecordStore(pair.provider.store.snapshot()),
  });
  const recorded = recordInLedger(restarted);
  restarted.settlement.start();
  await eventually('claimed and paid out', () => recorded.balance('wallet') === pair.service.charge);
  await restarted.settlement.stop();
  assert.equal(await tokenOf(restarted, restarted.gate.payout), pair.service.charge);
});

test('reports a claim inside a refund immediately, and pays it out', async () => {
  const pair = await freshPair();
  const { provider, service, requester } = pair;
  await buy(requester, reach(service));
  const recorded = recordInLedger(provider);
  provider.settlement.start();
  const config = configOf(pair);
  const [account] = provider.claims.accounts();
  const channelId = (account?.channelId ?? '') as Hex;
  const voucher = await signVoucher(
    requester.accounts.session as never,
    channelId,
    service.charge.toString(),
    market.chain.network.id,
  );
  const unpaid = await fetch(service.url + CHANNEL_PATH, { method: 'POST' });
  const { accepts } = JSON.parse(atob(unpaid.headers.get(PAYMENT_REQUIRED_HEADER) ?? ''));
  const refunded = await fetch(service.url + CHANNEL_PATH, {
    method: 'POST',
    headers: {
      [PAYMENT_HEADER]: encodePaymentSignatureHeader({
        x402Version: 2,
        accepted: accepts[0],
        payload: { type: 'refund', channelConfig: config, voucher },
      }),
    },
  });
  assert.equal(refunded.status, 200);
  await eventually('the claim is recorded', () => recorded.balance('channels:owed') === 0n);
  await eventually('the payout is recorded', () =>
    provider.settlement.settleNow().then(() => recorded.balance('wallet') === service.charge),
  );
  await provider.settlement.stop();
});

test('facilitators claim, pay out and pay the fee; those that are down, refuse or report false results are skipped', async () => {
  const relayer = (await makeAccounts()).gas;
  await market.chain.fund(relayer.address, amount(0));
  const { node } = market.provider;
  const official = createFacilitator(market.chain.network, createSender(node, relayer));
  const other = await createSender(node, relayer).sendTransaction({ to: relayer.address, data: '0x' });
  const all: LoopbackFacilitator[] = [];
  for (const mode of ['down', 'refusing', 'lying', 'honest'] as const) {
    const one = await startFacilitator(official, other);
    one.mode = mode;
    all.push(one);
    closing.push(() => one.close());
  }
  const pair = await freshPair(all.map(({ url }) => url));
  await buy(pair.requester, reach(pair.service));
  const recorded = recordInLedger(pair.provider);
  const before = await readBalances(node, pair.provider.accounts.gas.address, systemClock);
  const result = await pair.provider.settlement.settleNow();
  assert.equal(result.settle?.amount, pair.service.charge);
  assert.equal(recorded.balance('wallet'), pair.service.charge);
  assert.equal(await tokenOf(pair.provider, pair.provider.gate.payout), pair.service.charge);
  assert.equal(recorded.fees(), 0n, 'the facilitator paid it');
  const { coin } = await readBalances(node, pair.provider.accounts.gas.address, systemClock);
  assert.equal(coin, before.coin);
  assert.deepEqual(
    all.map(({ received }) => received),
    [[], ['claim', 'settle'], ['claim', 'settle'], ['claim', 'settle']],
  );

  // When no facilitator succeeds, our own key sends; a repeated false answer isn't accepted either.
  for (const one of all) one.mode = 'lying';
  await buy(pair.requester, reach(pair.service));
  const { charged = amount(0), channelId = '' } = pair.provider.claims.accounts()[0] ?? {};
  recorded.ledger.recoverCharges({
    side: 'sold',
    channelId,
    assetId: market.chain.network.token.id,
    total: charged,
  });
  await pair.provider.settlement.settleNow();
  assert.equal(await tokenOf(pair.provider, pair.provider.gate.payout), pair.service.charge * 2n);
  assert.equal(recorded.balance('wallet'), pair.service.charge * 2n);
  assert.ok(recorded.fees() > 0n);
});

test('finds claim and payout on the chain when a facilitator sent them but reported a failure', async () => {
  const relayer = (await makeAccounts()).gas;
  await market.chain.fund(relayer.address, amount(0));
  const official = createFacilitator(market.chain.network, createSender(market.provider.node, relayer));
  const silent = await startFacilitator(
    {
      ...official,
      settle: async (...parameters) => {
        await official.settle(...parameters);
        return { success: false, errorReason: 'lost', transaction: '', network: parameters[1].network };
      },
    },
    '0x',
  );
  closing.push(() => silent.close());
  const pair = await freshPair([silent.url]);
  await buy(pair.requester, reach(pair.service));
  const recorded = recordInLedger(pair.provider);
  await assert.rejects(pair.provider.settlement.settleNow(), { code: 'chain-unavailable' });
  await pair.provider.settlement.settleNow().catch(() => null);
  await eventually('found and recorded', async () => {
    await pair.provider.settlement.settleNow().catch(() => null);
    return recorded.balance('wallet') === pair.service.charge;
  });
  assert.equal(recorded.balance('channels:owed'), 0n);
  assert.equal(await tokenOf(pair.provider, pair.provider.gate.payout), pair.service.charge);
});

test('a transaction that the chain drops is reversed in the ledger and repeated', async () => {
  const pair = await freshPair();
  const { provider, service } = pair;
  await buy(pair.requester, reach(service));
  const recorded = recordInLedger(provider);
  const height = await provider.node.height();
  await provider.settlement.settleNow();
  assert.equal(recorded.balance('wallet'), service.charge);
  // Replaces the blocks of claim and payout by others without them.
  const depth = (await provider.node.height()) - height;
  await provider.node.send('anvil_reorg', [depth, []]);
  assert.equal(await tokenOf(provider, provider.gate.payout), 0n, 'no longer on the chain');
  await provider.node.send('anvil_dropAllTransactions', []);
  await provider.settlement.settleNow();
  assert.ok(recorded.events.some((event) => event.type === 'undone' && event.what === 'settled'));
  assert.ok(recorded.events.some((event) => event.type === 'undone' && event.what === 'claimed'));
  await provider.settlement.settleNow();
  assert.equal(await tokenOf(provider, provider.gate.payout), service.charge, 'paid out again');
  assert.equal(recorded.balance('wallet'), service.charge);
  assert.equal(recorded.balance('channels:owed'), 0n);
  assert.equal(recorded.balance('contract:claimed'), 0n);
  assert.ok(recorded.ledger.entries({ kind: 'reversal', limit: 10 }).length >= 2);
  recorded.ledger.verifyBalanced();
});

test('with a clock a day slow, a deposit is made once; open channels work with a clock a day fast', async (context) => {
  const { provider, service, requester } = await freshPair();
  const payerAddress = requester.accounts.funds.address;
  const held = await tokenOf(provider, payerAddress);
  const DAY_MS = 86_400_000;
  context.mock.timers.enable({ apis: ['Date'], now: Date.now() - DAY_MS });
  assert.equal(await buy(requester, reach(service)), service.charge);
  context.mock.timers.reset();
  const [deposit] = requester.deposits;
  assert.equal(requester.deposits.length, 1);
  assert.equal(await tokenOf(provider, payerAddress), (held ?? 0n) - (deposit?.amount ?? 0n));
  assert.equal(await buy(requester, reach(service)), service.charge);
  // Vouchers within an open channel don't depend on the clock.
  context.mock.timers.enable({ apis: ['Date'], now: Date.now() + DAY_MS });
  assert.equal(await buy(requester, reach(service)), service.charge);
  const result = await provider.settlement.settleNow();
  assert.equal(result.settle?.amount, service.charge * 3n);
});
