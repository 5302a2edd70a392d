/**
 * Verifies: wherever the agent stops, or its disk is full, while an answer is paid by `upto`, the answer is charged once if its
 *   payment reaches the chain, what the payment left is the payer's balance, and the ledger balances.
 * Setup: real jobs, ledger, accounts and settlement on one SQLite database. From one step on, each write and each call of the
 *   chain fails; then everything but the database is made again.
 * Fails if: a stop makes a paid answer free, charges it to the balance as well, or mistakes one answer's payment for another's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { id as hashOfText } from 'ethers';
import { practiceNetwork } from '../../../main/adapters/anvil/practice-network.ts';
import { type OpenDatabase, openDatabase } from '../../../main/adapters/sqlite/index.ts';
import {
  createUptoCredit,
  createUptoSettlement,
  isPaymentPending,
} from '../../../main/adapters/x402/index.ts';
import { paidAfterwards } from '../../../main/adapters/x402/selling/customer-payments.ts';
import type { UptoPayment } from '../../../main/adapters/x402/selling/upto-authorization.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createJobs } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createCustomerAccounts } from '../../../main/core/storefront/index.ts';
import type { ContractCall, Hex, SendOptions } from '../../../main/ports/evm.ts';
import { payerCustomerId } from '../../../shared/customers.ts';
import { amount } from '../../../shared/money.ts';
import { type ManualClock, manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createLife, Stopped } from '../../fakes/mortal.ts';
import { soldJob } from '../jobs/job-samples.ts';

const NOW_MS = 1_700_000_000_000;
const PAYER = `0x${'11'.repeat(20)}`;
const PAYOUT: Hex = `0x${'22'.repeat(20)}`;
const CUSTOMER = payerCustomerId(PAYER);
const network = practiceNetwork('http://127.0.0.1:1');
const token = network.token.address;
const assetId = network.token.id;
const COST = 80n;
const LEAST = 120n;
const word = (hex: string): Hex => `0x${hex.slice(2).padStart(64, '0')}`;
const quantity = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`;
const hashOf = (nonce: string): Hex => word(`0x${nonce}`);

const paymentOf = (nonce: string): UptoPayment => ({
  accepted: {
    ...{ scheme: 'upto', network: network.id, asset: token, amount: '500', payTo: PAYOUT },
    ...{ maxTimeoutSeconds: 900, extra: {} },
  },
  signature: `0x${'33'.repeat(65)}`,
  permit: {
    ...{ from: PAYER, permitted: { token, amount: '500' }, spender: PAYOUT, nonce },
    deadline: String(NOW_MS / 1_000 + 900),
    witness: { to: PAYOUT, facilitator: PAYOUT, validAfter: '0' },
  },
  gasless: null,
});

/** Values that were sent, by hash. */
interface Chain {
  readonly sent: Map<string, bigint>;
  /** True for a transaction that no block has yet. */
  isSlow: (hash: string) => boolean;
}

function senderTo(chain: Chain, step: () => void) {
  return {
    address: PAYOUT,
    readContract: async () => undefined,
    async receipt(hash: Hex) {
      step();
      const value = chain.sent.get(hash);
      if (value === undefined || chain.isSlow(hash)) return null;
      const topics = [hashOfText('Transfer(address,address,uint256)') as Hex, word(PAYER), word(PAYOUT)];
      return {
        ...{
          hash,
          status: 'success' as const,
          blockNumber: 1,
          blockHash: hash,
          fee: amount(1n),
          gasUsed: 1n,
        },
        logs: [{ address: token as Hex, topics, data: quantity(value) }],
      };
    },
    async writeContract({ args = [] }: ContractCall, options: SendOptions = {}) {
      const hash = hashOf((args[0] as { readonly nonce: string }).nonce);
      options.beforeBroadcast?.(hash, {} as never);
      step();
      chain.sent.set(hash, args[1] as bigint);
      return hash;
    },
  };
}

/** Outlasts an agent. */
interface Surroundings {
  readonly database: OpenDatabase;
  readonly chain: Chain;
  readonly clock: ManualClock;
}

/** One run of an agent. Steps after the last of its life fail. */
function startAgent({ database, chain, clock }: Surroundings) {
  const { life, step, mortal } = createLife();
  const store = mortal(database.records, ['set', 'delete', 'update']);
  const ledger = createLedger({
    store: mortal(database.ledger, ['append']),
    ...{ clock, calendar: createCalendar('UTC') },
  });
  const jobs = createJobs({
    ...{ records: mortal(database.jobs, ['insert', 'update']), store, ledger, clock },
    isPaymentPending: (job) => isPaymentPending(store, ledger.hasPayment, job),
  });
  const accounts = createCustomerAccounts({
    ...{ ledger, assetId, concurrentMax: 10, endLeft: jobs.recoverLeftOf },
  });
  const settlement = createUptoSettlement({
    ...{ network, store, clock, log: createRecordingLog(), paidLate: accounts.paidLate },
    sender: senderTo(chain, step),
  });
  const credit = createUptoCredit(clock, 6);
  /** Charges an answer as the provider's service does. */
  async function answer(id: string, cost: bigint) {
    const payment = paymentOf(id);
    const lent = credit.open(PAYER, amount(500n), id) ?? assert.fail('there is credit');
    const paying = paidAfterwards({
      ...{ customerId: CUSTOMER, payer: PAYER, network: network.id, customers: accounts, payment },
      ...{ credit: lent, settlement, ceiling: amount(500n), least: amount(LEAST) },
    });
    jobs.insert(soldJob({ id, channelId: CUSTOMER, assetId }));
    jobs.update(id, { state: 'running' });
    jobs.update(id, { state: 'delivered', charged: cost.toString() });
    const settled = await paying.settle(amount(cost), id);
    const charged = settled.charged.toString();
    const cumulative = settled.cumulative.toString();
    jobs.update(id, { state: 'charged', charged, cumulative, endedAtMs: NOW_MS });
  }
  return { ledger, jobs, accounts, settlement, answer, life };
}
type Agent = ReturnType<typeof startAgent>;

function setUp(before: bigint) {
  const clock = manualClock(NOW_MS);
  const database = openDatabase(':memory:');
  const chain: Chain = { sent: new Map(), isSlow: () => false };
  const start = () => startAgent({ database, chain, clock });
  const first = start();
  const earlier = { customerId: CUSTOMER, reference: 'earlier', txHash: '0x1', amount: amount(before) };
  if (before > 0n) first.accounts.arrived(earlier);
  /** Starts again, and looks for late payments until no permit is valid any more. */
  async function startAgain(): Promise<Agent> {
    first.life.left = 0;
    chain.isSlow = () => false;
    const next = start();
    next.jobs.recover();
    for (let look = 0; look < 2; look += 1) await next.settlement.findLate();
    clock.advance(2_000_000);
    await next.settlement.findLate();
    assert.deepEqual(database.records.list('x402-upto-pending'), []);
    return next;
  }
  return { clock, database, chain, first, startAgain };
}

/** Fails unless the wallet has all that the chain moved, and each unit of it is income or a balance. */
function assertSound({ ledger, accounts }: Agent, before: bigint, { sent }: Chain): void {
  const moved = [...sent.values()].reduce((sum, value) => sum + value, 0n);
  assert.equal(ledger.balance('wallet', assetId), before + moved);
  const income = ledger.balance('income:jobs', assetId);
  assert.equal(ledger.customerBalance(CUSTOMER), before + moved - income);
  assert.equal(accounts.available(CUSTOMER), ledger.customerBalance(CUSTOMER));
  assert.deepEqual(ledger.problems(), []);
}

/** Calls `attempt` with every number of steps until it isn't stopped; it returns whether it was. */
async function atEachStep(attempt: (steps: number) => Promise<boolean>): Promise<void> {
  let steps = 0;
  while (await attempt(steps)) {
    steps += 1;
    assert.ok(steps < 30, 'it ends');
  }
  assert.ok(steps >= 8, `it was stopped at each step: ${steps}`);
}

async function isStopped(answering: Promise<void>): Promise<boolean> {
  try {
    await answering;
    return false;
  } catch (error) {
    assert.ok(error instanceof Stopped, String(error));
    return true;
  }
}

for (const before of [0n, 1_000n]) {
  test(`charges an answer once wherever the agent stops, with a balance of ${before}`, async () => {
    await atEachStep(async (steps) => {
      const { database, chain, first, startAgain } = setUp(before);
      first.life.left = steps;
      const stopped = await isStopped(first.answer('1', COST));
      const next = await startAgain();
      assertSound(next, before, chain);
      const income = next.ledger.balance('income:jobs', assetId);
      if (chain.sent.size > 0) assert.equal(income, COST, `it was paid, and stopped after ${steps} steps`);
      else assert.ok(income === 0n || (before > 0n && income === COST), 'nothing was paid');
      database.close();
      return stopped;
    });
  });
}

for (const isPaymentFirst of [true, false]) {
  const first = isPaymentFirst ? 'the payment' : 'the job';
  test(`charges an answer once wherever the disk is full for a while, if ${first} is found first`, async () => {
    for (const before of [0n, 1_000n]) {
      await atEachStep(async (steps) => {
        const { database, chain, first: agent } = setUp(before);
        agent.life.left = steps;
        const stopped = await isStopped(agent.answer('1', COST));
        agent.life.left = Number.POSITIVE_INFINITY;
        if (stopped) agent.jobs.leave('1');
        if (isPaymentFirst) await agent.settlement.findLate();
        agent.jobs.recoverLeft();
        await agent.settlement.findLate();
        assertSound(agent, before, chain);
        const income = agent.ledger.balance('income:jobs', assetId);
        if (chain.sent.size > 0) assert.equal(income, COST, `it was paid, and full after ${steps} steps`);
        database.close();
        return stopped;
      });
    }
  });
}

test('charges an answer whose payment arrived while another answer’s payment is on its way', async () => {
  for (const otherCost of [7n, COST]) {
    await atEachStep(async (steps) => {
      const { database, chain, first, startAgain } = setUp(0n);
      chain.isSlow = (hash) => hash === hashOf('2');
      const other = first.answer('2', otherCost).catch(() => undefined);
      while (chain.sent.size === 0) await new Promise((resolve) => setImmediate(resolve));
      first.life.left = steps;
      const stopped = await isStopped(first.answer('1', COST));
      const next = await startAgain();
      await other;
      assertSound(next, 0n, chain);
      const paid = chain.sent.has(hashOf('1')) ? COST + otherCost : otherCost;
      const income = next.ledger.balance('income:jobs', assetId);
      assert.equal(income, paid, `stopped after ${steps} steps`);
      database.close();
      return stopped;
    });
  }
});
