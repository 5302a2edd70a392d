/**
 * Takes a transfer from prepared to final: quoted, confirmed outside of the pages, stored, sent, watched and recorded.
 */
import type { WalletTransaction } from '../../../shared/api/wallet.ts';
import { AppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import type { Amount } from '../../../shared/money.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Account, TransactionReceipt } from '../../ports/evm.ts';
import type { SpendChain } from '../../ports/spend-chain.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { ReadAddress } from '../../ports/wallet.ts';
import { dispatch, type SigningOptions } from './dispatch.ts';
import { payoutStanding } from './payout-standing.ts';
import { createPreparedSpends, PREPARED_MS } from './prepared-spends.ts';
import { quoteReplacement, quoteSend, type SpendPlan } from './quote.ts';
import type { Confirmations, CustomerPayments, Spending } from './services.ts';
import { spendSummary } from './spend-summary.ts';
import {
  createTransactions,
  type PayoutOfCustomer,
  type SentTransaction,
  shown,
  type Transactions,
} from './transactions.ts';
import { isOpen, watchOnce } from './watching.ts';

const WATCH_INTERVAL_MS = 3_000;

/** A final transaction for the ledger; passed again after a crash. */
export interface FinalTransaction {
  readonly hash: string;
  readonly asset: 'token' | 'coin';
  /** Amount that left this wallet's addresses, without the fee; zero if it failed or went to an own address. */
  readonly left: Amount;
  readonly fee: Amount;
  /** The customer's payout that it is for. */
  readonly payout: PayoutOfCustomer | null;
}

export interface SpendingOptions {
  /** Holds the money and pays the fee; null if its key isn't on this machine. */
  readonly account: Account | null;
  /** This wallet's own addresses. */
  readonly own: readonly string[];
  readonly chain: SpendChain;
  readonly networkName: string;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly readAddress: ReadAddress;
  readonly confirmations: Pick<Confirmations, 'ask'>;
  /** Maximum cost of one transaction, in base units of the coin. */
  readonly feeLimit: Amount;
  readonly book: (transaction: FinalTransaction) => void;
  readonly onChange: () => void;
}

/** {@link Spending} that also follows its transactions on the chain. */
export interface WatchedSpending extends Spending, CustomerPayments {
  /** Resumes the transactions of an earlier run, then checks every few seconds while any is pending. */
  start(): void;
  stop(): void;
}

export function createSpending(options: SpendingOptions): WatchedSpending {
  const { chain, clock, onChange } = options;
  const transactions = createTransactions(options.store, chain.network.chainId);
  const prepared = createPreparedSpends(clock);
  /** Assigns nonces one after another, and lets each check of the chain see only completed steps. */
  const inOrder = createInOrder();
  let timer: Timer | null = null;

  const check = () => inOrder(() => checkOnce(options, transactions));
  const signing = () => signingOptions(options, transactions);
  const send = (plan: SpendPlan) => dispatch({ chain, clock, transactions, onChange }, signing(), plan);

  async function confirm(plan: SpendPlan, expiresAtMs: number): Promise<void> {
    const { networkName, confirmations } = options;
    const { from } = signing();
    await confirmations.ask(spendSummary(plan, { from, network: chain.network, networkName, expiresAtMs }));
  }

  async function replace(hash: string, action: 'speed-up' | 'cancel'): Promise<WalletTransaction> {
    await check();
    const entry = findReplaceable(transactions, hash);
    const plan = await quoteReplacement(signing(), entry, action);
    await confirm(plan, clock.now() + PREPARED_MS);
    const sent = await inOrder(async () => {
      if ((await chain.nonces(entry.from)).mined > entry.nonce) {
        throw new AppError('bad-request', 'The transaction is in a block by now and can’t be replaced.');
      }
      return send(plan);
    });
    return afterCheck(sent);
  }

  /** A chain that mines immediately has the transaction already. */
  async function afterCheck(sent: SentTransaction): Promise<WalletTransaction> {
    // The transaction was sent: a failed check doesn't change that, and the watch continues.
    await check().catch(() => undefined);
    return shown(transactions.find(sent.hash) ?? sent);
  }

  return {
    async prepare(request) {
      // Otherwise a transaction that is in a block by now would be subtracted from a balance without it.
      if (transactions.list().some(isOpen)) await check();
      return prepared.add(await quoteSend(signing(), request));
    },
    async send(id) {
      const { plan, expiresAtMs } = prepared.take(id);
      await confirm(plan, expiresAtMs);
      return afterCheck(await inOrder(() => send(plan)));
    },
    async quoteCustomer({ to, amount }) {
      if (transactions.list().some(isOpen)) await check();
      const request = { asset: 'token' as const, to, amount: amount.toString(), smallTest: false };
      const plan = await quoteSend(signing(), request);
      if (plan.own) throw new AppError('bad-request', 'This address is one of this wallet’s own.');
      return {
        async pay(payout) {
          const paying = { ...plan, payout };
          await confirm(paying, clock.now() + PREPARED_MS);
          return afterCheck(await inOrder(() => send(paying)));
        },
      };
    },
    payoutStanding: (reference) => inOrder(() => payoutStanding(transactions, chain, reference)),
    speedUp: (hash) => replace(hash, 'speed-up'),
    cancel: (hash) => replace(hash, 'cancel'),
    history: (limit) => transactions.list().slice(0, limit).map(shown),
    check,
    start() {
      const checkOpen = () => {
        // The balances show that the chain is unavailable, and the next check comes soon.
        if (transactions.list().some(isOpen)) check().catch(() => undefined);
      };
      timer = clock.every(WATCH_INTERVAL_MS, checkOpen);
      checkOpen();
    },
    stop() {
      timer?.cancel();
      timer = null;
    },
  };
}

/** Fails with `unsupported` for a watch-only wallet. */
function signingOptions(options: SpendingOptions, transactions: Transactions): SigningOptions {
  const { account, chain, readAddress, own, feeLimit } = options;
  if (account === null) {
    throw new AppError(
      'unsupported',
      'This wallet is watch-only and can’t send: the key of its address isn’t on this machine.',
    );
  }
  return { account, chain, transactions, readAddress, from: account.address, own, feeLimit };
}

function findReplaceable(transactions: Transactions, hash: string): SentTransaction {
  const entry = transactions.find(hash);
  if (entry === null) throw new AppError('not-found', 'This wallet has no transaction with this hash.');
  if (entry.state !== 'pending' && entry.state !== 'dropped') {
    throw new AppError('bad-request', 'This transaction is final and can’t be replaced.');
  }
  return entry;
}

/** Checks all transactions that may still change, and calls `onChange` if the state of one did. */
async function checkOnce(options: SpendingOptions, transactions: Transactions): Promise<void> {
  const { chain, clock, book, onChange } = options;
  const states = () => JSON.stringify(transactions.list().map(({ hash, state }) => [hash, state]));
  const before = states();
  try {
    await watchOnce({
      transactions,
      chain,
      clock,
      book: (entry, receipt) => book(finalTransaction(entry, receipt)),
    });
  } finally {
    if (states() !== before) onChange();
  }
}

function finalTransaction(entry: SentTransaction, { status, fee }: TransactionReceipt): FinalTransaction {
  const left = (status === 'success' && !entry.own ? entry.amount : 0n) as Amount;
  return { hash: entry.hash, asset: entry.asset, left, fee, payout: entry.payout };
}
