/**
 * Verifies: a customer's balance is paid out once or is its balance again, wherever the agent is killed; nobody is paid twice
 *   and no amount is lost.
 * Setup: the wallet's transfers on a real practice chain, with ledger and records in one database file. A kill leaves a step
 *   that never returns, and opens the file again.
 * Fails if: a balance can be used after its payout was ordered, a restart sends a payout again or forgets it, or a payout that
 *   was declined or canceled keeps the money.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { Wallet } from 'ethers';
import { type PracticeChain, startPracticeChain } from '../../main/adapters/anvil/index.ts';
import {
  type ChainNode,
  connectNode,
  createSpendChain,
  readAddress,
  withChecksum,
} from '../../main/adapters/ethers/index.ts';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createLedger } from '../../main/core/ledger/index.ts';
import { createCustomerAccounts, createCustomerPayouts } from '../../main/core/storefront/index.ts';
import { bookSent, createSpending, type FinalTransaction } from '../../main/core/wallet/index.ts';
import { ChainRefusal, type Hex } from '../../main/ports/evm.ts';
import type { SpendChain } from '../../main/ports/spend-chain.ts';
import type { WalletAccounts } from '../../main/ports/wallet.ts';
import type { SpendSummary } from '../../shared/api/wallet.ts';
import { keyCustomerId, payerCustomerId } from '../../shared/customers.ts';
import { AppError } from '../../shared/errors.ts';
import { amount } from '../../shared/money.ts';
import { manualClock } from '../fakes/clock.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { TEST_METHODS } from './chain-methods.ts';
import { makeAccounts } from './paid-service.ts';

const BALANCE = 2_500n;
const HELD = 1_000_000n;
const KEY = keyCustomerId('0011223344556677');

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-customer-payout-'));
const clock = manualClock(1_700_000_000_000);
let chain: PracticeChain;
let node: ChainNode;
let accounts: WalletAccounts;
let homes = 0;
const opened: (() => void)[] = [];

before(async () => {
  chain = await startPracticeChain({ folder, moreMethods: TEST_METHODS });
  node = connectNode(chain.network);
});

after(async () => {
  node.close();
  await chain.stop();
  rmSync(folder, { recursive: true });
});

afterEach(async () => {
  for (const close of opened.splice(0)) close();
  await node.send('evm_setAutomine', [true]);
  await node.send('evm_mine', []);
});

/** Replaces steps of a payout. By default, the owner approves and the chain answers. */
interface Steps {
  readonly approve?: (asked: SpendSummary) => Promise<void>;
  readonly chain?: Partial<SpendChain>;
  readonly book?: (event: FinalTransaction) => void;
}

function open(file: string, steps: Steps) {
  const database = openDatabase(file);
  const close = () => database.close();
  const tokenId = chain.network.token.id;
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const wallet = createSpending({
    ...{ account: accounts.funds, own: Object.values(accounts).map(({ address }) => address) },
    chain: { ...createSpendChain(node), ...steps.chain },
    ...{ networkName: 'Practice', store: database.records, clock, readAddress },
    confirmations: { ask: async (asked) => steps.approve?.(asked) },
    feeLimit: amount(10n ** 15n),
    book(event) {
      bookSent(ledger, { ...event, tokenId, coinId: chain.network.coin.id, atMs: clock.now() });
      steps.book?.(event);
    },
    onChange: () => undefined,
  });
  const customers = createCustomerAccounts({
    ledger,
    endLeft: () => undefined,
    assetId: tokenId,
    concurrentMax: 10,
  });
  const payouts = createCustomerPayouts({
    ...{ accounts: customers, ledger, records: database.records, wallet, assetId: tokenId },
    ...{ log: createRecordingLog(), withChecksum, nameOf: (id) => (id === KEY ? 'Ada' : null) },
  });
  const killed = () => {
    close();
    const again = open(file, {});
    opened.push(again.close);
    return again;
  };
  /** Of the ledger: in transit to customers, and what left the wallet. */
  const booked = () => [
    ledger.balance('customers:payouts', tokenId),
    -ledger.balance('wallet', tokenId) + ledger.balance('customers:elsewhere', tokenId),
  ];
  return { records: database.records, ledger, wallet, customers, payouts, close, killed, booked, tokenId };
}

/** A storefront with a customer that paid in advance. */
async function openShop(steps: Steps = {}, customerId = KEY) {
  accounts = await makeAccounts();
  await chain.fund(accounts.funds.address, amount(HELD));
  homes += 1;
  const shop = open(join(folder, `${homes}.db`), steps);
  const txHash = customerId === KEY ? null : `0x${'ab'.repeat(32)}`;
  shop.ledger.customerPaid({
    ...{ reference: `paid-${homes}`, customerId, assetId: shop.tokenId, amount: amount(BALANCE), txHash },
  });
  return shop;
}

const stranger = () => Wallet.createRandom().address;
const tokensOf = async (address: string) => (await createSpendChain(node).held(address as Hex)).token;
const never = () => new Promise<never>(() => undefined);

describe('a payout to a customer', () => {
  test('pays the rest of a balance to the address that the customer names, and to its payer by default', async () => {
    for (const isPayer of [false, true]) {
      const to = stranger();
      const customer = isPayer ? payerCustomerId(to) : KEY;
      const shop = await openShop({}, customer);
      opened.push(shop.close);
      const sent = await shop.payouts.payOut(customer, isPayer ? null : to);
      assert.equal(sent.state, 'mined');
      assert.deepEqual([await tokensOf(to), shop.customers.available(customer)], [BALANCE, 0n]);
      assert.equal(shop.ledger.balance('customers:payouts', shop.tokenId), 0n);
      assert.equal(shop.ledger.balance('equity:sent', shop.tokenId), 0n, 'no transfer of the owner’s');
      assert.equal(shop.ledger.balance('income:jobs', shop.tokenId), 0n);
      assert.equal(shop.records.list('storefront-payout').length, 0);
      await assert.rejects(shop.payouts.payOut(customer, to), { code: 'bad-request' });
    }
  });

  test('leaves what a request in progress holds, and nothing else, from the moment of the order', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const shop = await openShop({
      approve() {
        asked.resolve();
        return answer.promise;
      },
    });
    opened.push(shop.close);
    const hold = shop.customers.hold(KEY, amount(500n));
    const to = stranger();
    const paying = shop.payouts.payOut(KEY, to);
    await asked.promise;
    assert.equal(shop.customers.available(KEY), 0n, 'before the owner has answered');
    assert.equal(shop.customers.hold(KEY, amount(1n)), null);
    // A look of the storefront meanwhile leaves the order alone.
    await shop.payouts.settle();
    assert.equal(shop.customers.available(KEY), 0n);
    answer.resolve();
    await paying;
    hold?.release();
    assert.deepEqual([await tokensOf(to), shop.customers.available(KEY)], [2_000n, 500n]);
  });

  test('is the balance again if the owner declines, or the address is wrong or the wallet’s own', async () => {
    const declined = new AppError('not-permitted', 'Declined.');
    const shop = await openShop({ approve: () => Promise.reject(declined) });
    opened.push(shop.close);
    await assert.rejects(shop.payouts.payOut(KEY, stranger()), declined);
    assert.equal(shop.customers.available(KEY), BALANCE);
    for (const to of ['0x12', accounts.funds.address, null]) {
      await assert.rejects(shop.payouts.payOut(KEY, to), { code: 'bad-request' });
      assert.equal(shop.customers.available(KEY), BALANCE);
    }
    assert.deepEqual(shop.records.list('storefront-payout'), []);
  });

  test('is the balance again if the owner cancels the transaction', async () => {
    const shop = await openShop();
    opened.push(shop.close);
    await node.send('evm_setAutomine', [false]);
    const to = stranger();
    const sent = await shop.payouts.payOut(KEY, to);
    assert.equal(sent.state, 'pending');
    await shop.payouts.settle();
    assert.equal(shop.customers.available(KEY), 0n, 'it may still be mined');
    await shop.wallet.cancel(sent.hash);
    await node.send('evm_mine', []);
    await shop.payouts.settle();
    assert.deepEqual([await tokensOf(to), shop.customers.available(KEY)], [0n, BALANCE]);
  });
});

describe('a payout and the chain', () => {
  test('names its customer in the confirmation, even if its transaction is sped up or canceled', async () => {
    const asked: SpendSummary[] = [];
    const shop = await openShop({ approve: async (summary) => void asked.push(summary) });
    opened.push(shop.close);
    await node.send('evm_setAutomine', [false]);
    const sent = await shop.payouts.payOut(KEY, stranger());
    const faster = await shop.wallet.speedUp(sent.hash);
    await shop.wallet.cancel(faster.hash);
    assert.deepEqual(
      asked.map(({ action, payout }) => [action, payout]),
      ['send', 'speed-up', 'cancel'].map((action) => [action, { customerId: KEY, name: 'Ada' }]),
    );
    const own = await shop.wallet.prepare({ asset: 'coin', to: stranger(), amount: '1', smallTest: false });
    await shop.wallet.send(own.id);
    assert.equal(asked.at(-1)?.payout, null, 'a transfer of the owner’s is no payout');
  });

  test('counts as sent if the node answers that its pool has the transaction', async () => {
    const answered: string[] = [];
    const live = createSpendChain(node);
    const inPool = createSpendChain({
      ...node,
      async send(method, parameters) {
        // Another one of its nodes, which doesn't have it.
        if (method === 'eth_getTransactionByHash') return null;
        if (method !== 'eth_sendRawTransaction') return node.send(method, parameters);
        await node.send(method, parameters);
        answered.push(method);
        throw new ChainRefusal('already known');
      },
    });
    const shop = await openShop({ chain: { ...live, broadcast: inPool.broadcast } });
    opened.push(shop.close);
    await node.send('evm_setAutomine', [false]);
    const to = stranger();
    const sent = await shop.payouts.payOut(KEY, to);
    assert.deepEqual([sent.state, answered.length], ['pending', 1]);
    await shop.payouts.settle();
    assert.equal(shop.customers.available(KEY), 0n, 'it is on its way');
    await node.send('evm_mine', []);
    await shop.payouts.settle();
    assert.deepEqual([await tokensOf(to), shop.customers.available(KEY)], [BALANCE, 0n]);
  });

  test('isn’t refused for an earlier transfer that is mined by now', async () => {
    const shop = await openShop();
    opened.push(shop.close);
    await node.send('evm_setAutomine', [false]);
    const most = (HELD - BALANCE).toString();
    const first = await shop.wallet.prepare({
      asset: 'token',
      to: stranger(),
      amount: most,
      smallTest: false,
    });
    assert.equal((await shop.wallet.send(first.id)).state, 'pending');
    await node.send('evm_setAutomine', [true]);
    await node.send('evm_mine', []);
    // Subtracted once more, the transfer would leave less than the balance.
    const to = stranger();
    await shop.payouts.payOut(KEY, to);
    assert.equal(await tokensOf(to), BALANCE);
  });
});

describe('a payout over a node that is behind', () => {
  test('is no balance again while the node lacks the receipt of the mined transaction', async () => {
    let isBehind = true;
    const live = createSpendChain(node);
    const receipt = async (hash: Hex) => (isBehind ? null : live.receipt(hash));
    const shop = await openShop({ chain: { receipt } });
    opened.push(shop.close);
    const to = stranger();
    await shop.payouts.payOut(KEY, to);
    await shop.payouts.settle();
    assert.deepEqual([await tokensOf(to), shop.customers.available(KEY)], [BALANCE, 0n]);
    isBehind = false;
    await shop.payouts.settle();
    assert.equal(shop.customers.available(KEY), 0n);
    assert.equal(shop.ledger.balance('customers:payouts', shop.tokenId), 0n, 'booked');
  });
});

describe('a payout elsewhere', () => {
  test('is recorded alone where the owner paid it back elsewhere', async () => {
    const shop = await openShop();
    opened.push(shop.close);
    shop.payouts.paidBack(KEY, amount(BALANCE));
    assert.equal(shop.customers.available(KEY), 0n);
    assert.deepEqual(shop.booked(), [0n, 0n]);
    assert.equal(shop.ledger.balance('customers:elsewhere', shop.tokenId), 0n);
    assert.throws(() => shop.payouts.paidBack(KEY, amount(1n)), { code: 'bad-request' });
    assert.throws(() => shop.payouts.paidBack(payerCustomerId(stranger()), amount(1n)), /on the chain/);
  });
});

describe('after a kill', () => {
  test('before the transaction was stored, the payout is the balance again', async () => {
    const asked = Promise.withResolvers<void>();
    const shop = await openShop({
      approve() {
        asked.resolve();
        return never();
      },
    });
    void shop.payouts.payOut(KEY, stranger());
    await asked.promise;
    const again = shop.killed();
    assert.equal(again.customers.available(KEY), 0n);
    await again.payouts.settle();
    await again.payouts.settle();
    assert.equal(again.customers.available(KEY), BALANCE);
    assert.deepEqual(again.booked(), [0n, BALANCE], 'as before: only the payment in advance');
  });

  test('between the record of an order and its entry, nothing has moved', async () => {
    const shop = await openShop();
    const order = { customerId: KEY, assetId: shop.tokenId };
    shop.records.set('storefront-payout', 'aa', JSON.stringify(order));
    const again = shop.killed();
    await again.payouts.settle();
    assert.equal(again.customers.available(KEY), BALANCE);
    assert.deepEqual(again.records.list('storefront-payout'), []);
  });

  for (const reached of [false, true]) {
    test(`${reached ? 'after' : 'before'} the transaction reached the chain, it is paid once`, async () => {
      const left = Promise.withResolvers<void>();
      const shop = await openShop({
        chain: {
          async broadcast(signed) {
            if (reached) await createSpendChain(node).broadcast(signed);
            left.resolve();
            return never();
          },
        },
      });
      const to = stranger();
      void shop.payouts.payOut(KEY, to);
      await left.promise;
      const again = shop.killed();
      for (let look = 0; look < 3; look += 1) await again.payouts.settle();
      assert.deepEqual([await tokensOf(to), again.customers.available(KEY)], [BALANCE, 0n]);
      assert.deepEqual([again.booked()[0], again.records.list('storefront-payout').length], [0n, 0]);
      await assert.rejects(again.payouts.payOut(KEY, to), { code: 'bad-request' });
      assert.equal(await tokensOf(to), BALANCE);
    });
  }

  test('between the entry of a mined payout and its last state, it is recorded once', async () => {
    const shop = await openShop({
      book: () => assert.fail('killed'),
    });
    const to = stranger();
    await shop.payouts.payOut(KEY, to).catch(() => undefined);
    assert.equal(shop.booked()[0], 0n, 'the entry is there');
    const again = shop.killed();
    for (let look = 0; look < 2; look += 1) await again.payouts.settle();
    assert.deepEqual([await tokensOf(to), again.customers.available(KEY)], [BALANCE, 0n]);
    assert.equal(again.ledger.balance('wallet', again.tokenId), -BALANCE);
    assert.deepEqual(again.records.list('storefront-payout'), []);
  });
});
