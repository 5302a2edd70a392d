/**
 * Verifies: in any order of what can happen to the payouts and requests of a customer on this machine and on the chain, each unit
 *   of its balance ends as the balance, as income or at its address, once.
 * Setup: real payouts, wallet and ledger on one SQLite database, and a chain of this test that mines, reverts, loses and
 *   refuses transactions. A stop ends each write and each call of the chain from some step on; then everything but the
 *   database is made again.
 * Fails if: a payout is sent twice, is the balance again although it was paid, takes what a request holds, or is lost; or the
 *   ledger doesn't balance.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { practiceNetwork } from '../../../main/adapters/anvil/practice-network.ts';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { createCustomerAccounts, createCustomerPayouts } from '../../../main/core/storefront/index.ts';
import { bookSent, createSpending } from '../../../main/core/wallet/index.ts';
import type { CustomerHold } from '../../../main/ports/customers.ts';
import type { Account, Hex, TransactionReceipt, UnsignedTransaction } from '../../../main/ports/evm.ts';
import type { SpendChain } from '../../../main/ports/spend-chain.ts';
import { keyCustomerId } from '../../../shared/customers.ts';
import { AppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import { type ManualClock, manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createLife } from '../../fakes/mortal.ts';
import { soldJob } from '../jobs/job-samples.ts';

const network = practiceNetwork('http://127.0.0.1:1');
const assetId = network.token.id;
const ADA = keyCustomerId('00000000000000aa');
const BALANCE = 100n;
const HELD = 1_000_000n;
const FUNDS: Hex = `0x${'11'.repeat(20)}`;
const TO: Hex = `0x${'44'.repeat(20)}`;
const ELEVEN_MINUTES_MS = 660_000;

/** A signed transaction is its own text. */
const signed = (transaction: object): Hex =>
  `0x${Buffer.from(JSON.stringify(transaction, (_, part) => (typeof part === 'bigint' ? `${part}` : part))).toString('hex')}`;
interface Read {
  readonly nonce: number;
  readonly to: Hex;
  readonly data: Hex;
  readonly maxFeePerGas: string;
}
const read = (text: Hex): Read => JSON.parse(Buffer.from(text.slice(2), 'hex').toString());
const paidBy = ({ to, data }: Read): bigint => (to === network.token.address ? BigInt(data) : 0n);

type Broadcasting = 'taken' | 'lost' | 'unanswered' | 'refused';

/** Outlasts an agent. */
function createTestChain() {
  const pool = new Map<Hex, Read>();
  const mined = new Map<Hex, TransactionReceipt>();
  let nonce = 0;
  let paid = 0n;
  const chain = {
    broadcasting: 'taken' as Broadcasting,
    /** Units that the customer's address has. */
    paid: () => paid,
    /** Puts the transaction with the next nonce and the highest fee into a block. */
    mine(status: 'success' | 'reverted'): boolean {
      const rivals = [...pool].filter(([, each]) => each.nonce === nonce);
      const [best] = rivals.sort(([, a], [, b]) => Number(BigInt(b.maxFeePerGas) - BigInt(a.maxFeePerGas)));
      if (best === undefined) return false;
      const [hash, transaction] = best;
      for (const [other] of rivals) pool.delete(other);
      nonce += 1;
      if (status === 'success') paid += paidBy(transaction);
      mined.set(hash, {
        ...{ hash, status, blockNumber: nonce, blockHash: hash, fee: amount(1n), gasUsed: 1n, logs: [] },
      });
      return true;
    },
    forget: () => pool.clear(),
  };
  function take(hash: Hex, transaction: Read): void {
    if (chain.broadcasting === 'refused') throw new AppError('bad-request', 'The node refused it.');
    if (chain.broadcasting !== 'lost' && transaction.nonce >= nonce) pool.set(hash, transaction);
    if (chain.broadcasting !== 'taken') throw new AppError('chain-unavailable', 'No answer came.');
  }
  const port: SpendChain = {
    network,
    held: async () => ({ token: amount(HELD - paid), coin: amount(10n ** 18n) }),
    isContract: async () => false,
    transfer: (asset, to, value) => ({
      ...(asset === 'token' ? { to: network.token.address as Hex } : { to }),
      data: `0x${value.toString(16)}`,
      value: 0n,
    }),
    estimateGas: async () => 50_000n,
    fees: async () => ({ baseFee: 1_000n, tip: 100n }),
    dataFee: async () => amount(0n),
    nonces: async () => ({
      mined: nonce,
      held: Math.max(nonce, ...[...pool.values()].map((each) => each.nonce + 1)),
    }),
    hashOf: (text) => text,
    broadcast: async (text) => take(text, read(text)),
    receipt: async (hash) => mined.get(hash) ?? null,
    isFinal: async () => true,
    knows: async (hash) => pool.has(hash) || mined.has(hash),
  };
  return { chain, port };
}
type TestChain = ReturnType<typeof createTestChain>;

interface Surroundings extends TestChain {
  readonly database: ReturnType<typeof openDatabase>;
  readonly clock: ManualClock;
}

/** One run of an agent; its owner approves each payout with `isApproving`. */
function startAgent({ database, clock, port }: Surroundings, isApproving: () => boolean) {
  const { life, mortal } = createLife();
  const records = mortal(database.records, ['set', 'delete', 'update']);
  const ledger = createLedger({
    store: mortal(database.ledger, ['append']),
    ...{ clock, calendar: createCalendar('UTC') },
  });
  const account: Account = {
    address: FUNDS,
    signTransaction: async (transaction: UnsignedTransaction) => signed(transaction),
  } as Account;
  const wallet = createSpending({
    ...{ account, own: [FUNDS], networkName: 'Practice', store: records, clock },
    chain: mortal(port, ['broadcast', 'receipt', 'knows']),
    readAddress: (text) => text as Hex,
    confirmations: {
      async ask() {
        if (!isApproving()) throw new AppError('not-permitted', 'Declined.');
      },
    },
    feeLimit: amount(10n ** 15n),
    book: (event) =>
      bookSent(ledger, { ...event, tokenId: assetId, coinId: network.coin.id, atMs: clock.now() }),
    onChange: () => undefined,
  });
  const accounts = createCustomerAccounts({
    ...{ ledger, assetId, concurrentMax: 10, endLeft: () => undefined },
  });
  const payouts = createCustomerPayouts({
    ...{ accounts, ledger, records, wallet, assetId, log: createRecordingLog() },
    ...{ withChecksum: (address: string) => address, nameOf: () => null },
  });
  return { life, ledger, wallet, accounts, payouts };
}

type Agent = ReturnType<typeof startAgent>;

const step = fc.oneof(
  fc.record({
    kind: fc.constant('pay' as const),
    broadcasting: fc.constantFrom<Broadcasting>('taken', 'lost', 'unanswered', 'refused'),
    isApproved: fc.boolean(),
    isTwice: fc.boolean(),
    steps: fc.option(fc.nat(14), { nil: Number.POSITIVE_INFINITY }),
  }),
  fc.record({
    kind: fc.constantFrom('mine' as const, 'revert' as const, 'forget' as const, 'pass' as const),
  }),
  fc.record({
    kind: fc.constantFrom('speed-up' as const, 'cancel' as const),
    steps: fc.option(fc.nat(10), { nil: Number.POSITIVE_INFINITY }),
  }),
  fc.record({ kind: fc.constant('settle' as const), steps: fc.nat(8) }),
  fc.record({ kind: fc.constantFrom('hold' as const, 'use' as const), value: fc.bigInt(1n, 60n) }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

/** The agent stops between the state of the transaction that canceled a payout and that of the payout. */
const STOPPED_BETWEEN_RIVALS: Step[] = [
  { kind: 'pay', broadcasting: 'refused', isApproved: true, isTwice: false, steps: Number.POSITIVE_INFINITY },
  { kind: 'cancel', steps: Number.POSITIVE_INFINITY },
  { kind: 'mine' },
  { kind: 'speed-up', steps: 4 },
];

/** Stops nothing else: failures are part of the test. */
const tried = (doing: Promise<unknown>) => doing.catch(() => undefined);

async function run(surroundings: Surroundings, steps: readonly Step[]): Promise<void> {
  const { chain, clock } = surroundings;
  const owner = { isApproving: true };
  const start = () => startAgent(surroundings, () => owner.isApproving);
  let agent = start();
  let holds: CustomerHold[] = [];
  agent.ledger.customerPaid({
    ...{ reference: 'paid', customerId: ADA, assetId, amount: amount(BALANCE), txHash: '0x1' },
  });
  async function stoppedAfter(count: number, doing: () => Promise<unknown>): Promise<void> {
    agent.life.left = count;
    await tried(doing());
    if (count === Number.POSITIVE_INFINITY) return;
    agent.life.left = 0;
    agent = start();
    holds = [];
  }
  const open = () => agent.wallet.history(10).find(({ state }) => state === 'pending' || state === 'dropped');
  for (const each of steps) {
    if (each.kind === 'pay') {
      chain.broadcasting = each.broadcasting;
      owner.isApproving = each.isApproved;
      const pay = () => agent.payouts.payOut(ADA, TO);
      await stoppedAfter(each.steps, () => Promise.allSettled(each.isTwice ? [pay(), pay()] : [pay()]));
      chain.broadcasting = 'taken';
      owner.isApproving = true;
    } else if (each.kind === 'hold') {
      const hold = agent.accounts.hold(ADA, amount(each.value));
      if (hold !== null) holds.push(hold);
    } else if (each.kind === 'use') use(agent, holds.shift(), each.value);
    else if (each.kind === 'speed-up' || each.kind === 'cancel') {
      const hash = open()?.hash ?? '0x';
      const replace = each.kind === 'cancel' ? agent.wallet.cancel : agent.wallet.speedUp;
      await stoppedAfter(each.steps, () => replace(hash));
    } else if (each.kind === 'settle') await stoppedAfter(each.steps, () => agent.payouts.settle());
    else if (each.kind === 'mine') chain.mine('success');
    else if (each.kind === 'revert') chain.mine('reverted');
    else if (each.kind === 'forget') chain.forget();
    else clock.advance(ELEVEN_MINUTES_MS);
    const left = BALANCE - chain.paid() - incomeOf(agent);
    assert.ok(left >= 0n, 'nobody is paid twice');
    assert.ok(agent.ledger.customerBalance(ADA) <= left, 'nor is the balance again');
    assert.ok(agent.accounts.available(ADA) >= 0n, 'what a request holds stays');
  }
  await finish(surroundings, start());
}

/** A request ends, and its charge is recorded. */
function use({ ledger }: Agent, hold: CustomerHold | undefined, value: bigint): void {
  if (hold === undefined) return;
  const { charged, cumulative } = hold.charge(amount(value));
  const job = { id: `job-${cumulative}`, channelId: ADA, assetId, endedAtMs: 1 };
  const sums = { charged: charged.toString(), cumulative: cumulative.toString() };
  ledger.jobCharged(soldJob({ ...job, ...sums, state: 'charged' }));
}

const incomeOf = ({ ledger }: Agent): bigint => ledger.balance('income:jobs', assetId);

/** The chain works again, and the owner cancels what it has lost. */
async function finish({ chain, clock }: Surroundings, agent: Agent): Promise<void> {
  for (let round = 0; round < 12; round += 1) {
    await agent.payouts.settle();
    while (chain.mine('success'));
    await agent.payouts.settle();
    clock.advance(ELEVEN_MINUTES_MS);
    const dropped = agent.wallet.history(100).filter(({ state }) => state === 'dropped');
    for (const { hash } of dropped) await tried(agent.wallet.cancel(hash));
  }
  await agent.payouts.settle();
  const { ledger, accounts } = agent;
  assert.equal(ledger.balance('customers:payouts', assetId), 0n, 'nothing is under way');
  assert.equal(accounts.available(ADA) + chain.paid() + incomeOf(agent), BALANCE);
  assert.equal(accounts.available(ADA), ledger.customerBalance(ADA));
  assert.equal(ledger.balance('wallet', assetId), BALANCE - chain.paid());
  assert.deepEqual(ledger.problems(), []);
}

test('a customer has its balance or its payout, once, in any order of events and stops', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const database = openDatabase(':memory:');
      try {
        await run({ database, clock: manualClock(1_700_000_000_000), ...createTestChain() }, steps);
      } finally {
        database.close();
      }
    }),
    { numRuns: 150, examples: [[STOPPED_BETWEEN_RIVALS]] },
  );
});
