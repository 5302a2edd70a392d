/** Spends from prepared to final: quoted, confirmed outside of the pages, written down, sent, watched and booked. */
import { randomUUID } from 'node:crypto';
import type { PreparedSpend, SpendSummary, WalletTransaction } from '../../../shared/api/wallet.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { type Amount, plainAsset } from '../../../shared/money.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Account } from '../../ports/evm.ts';
import type { SpendChain } from '../../ports/spend-chain.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { ReadAddress } from '../../ports/wallet.ts';
import {
  assertStillCovered,
  type QuoteOptions,
  quoteReplacement,
  quoteSend,
  type SpendPlan,
} from './quote.ts';
import type { Confirmations, Spending } from './services.ts';
import { createTransactions, feeMax, type SentTransaction, shown } from './transactions.ts';
import { isOpen, watchOnce } from './watching.ts';

const PREPARED_MS = 300_000;
const PREPARED_MAX = 50;
const WATCH_EVERY_MS = 3_000;

/** What the ledger is told of a final transaction; told again after a crash. */
export interface FinalTransaction {
  readonly hash: string;
  readonly asset: 'token' | 'coin';
  /** What left this wallet's addresses, without the fee: zero where it failed or went to one's own address. */
  readonly left: Amount;
  readonly fee: Amount;
}

export interface SpendingOptions {
  /** Holds what is sent and pays for it; null where no key for that is here. */
  readonly account: Account | null;
  /** This wallet's own addresses. */
  readonly own: readonly string[];
  readonly chain: SpendChain;
  readonly networkName: string;
  readonly store: RecordStore;
  readonly clock: Clock;
  readonly readAddress: ReadAddress;
  readonly confirmations: Pick<Confirmations, 'ask'>;
  /** The most that one transaction may cost, in base units of the coin. */
  readonly feeLimit: Amount;
  readonly book: (transaction: FinalTransaction) => void;
  readonly onChange: () => void;
}

/** {@link Spending} with its watch over the chain. */
export interface WatchedSpending extends Spending {
  /** Hands over what an earlier run wrote down, then looks every few seconds while anything is pending. */
  start(): void;
  stop(): void;
  /** Looks at the chain once, now. */
  check(): Promise<void>;
}

export function createSpending(options: SpendingOptions): WatchedSpending {
  const { chain, clock, account } = options;
  const transactions = createTransactions(options.store, chain.network.chainId);
  const prepared = new Map<string, { plan: SpendPlan; expiresAtMs: number }>();
  let queue: Promise<unknown> = Promise.resolve();
  let timer: Timer | null = null;

  /** Nonces are given out one after another, and each look at the chain sees whole steps. */
  function inOrder<T>(run: () => Promise<T>): Promise<T> {
    const result = queue.then(run, run);
    queue = result.catch(() => undefined);
    return result;
  }

  function quoting(): QuoteOptions & { account: Account } {
    if (account === null) {
      throw new AppError(
        'unsupported',
        'This wallet is watch-only: the key of its address is elsewhere, and so is sending.',
      );
    }
    const { readAddress, own, feeLimit } = options;
    return { account, chain, transactions, readAddress, from: account.address, own, feeLimit };
  }

  function totalOf(plan: SpendPlan): bigint {
    return plan.asset === 'coin' ? plan.amount + feeMax(plan) : plan.amount;
  }

  function summaryOf(plan: SpendPlan, expiresAtMs: number): SpendSummary {
    const asset = plan.cancels && plan.replaces !== null ? plan.replaces.asset : plan.asset;
    return {
      action: plan.cancels ? 'cancel' : plan.replaces === null ? 'send' : 'speed-up',
      networkName: options.networkName,
      asset: plainAsset(chain.network[asset]),
      coin: plainAsset(chain.network.coin),
      from: quoting().from,
      to: plan.to,
      amount: plan.amount.toString(),
      fee: feeMax(plan).toString(),
      total: totalOf(plan).toString(),
      warnings: [...plan.warnings],
      smallTest: plan.smallTest,
      replaces: plan.replaces?.hash ?? null,
      expiresAtMs,
    };
  }

  async function dispatch(plan: SpendPlan): Promise<WalletTransaction> {
    const quote = quoting();
    await assertStillCovered(quote, plan);
    const { nonce, signed } = await sign(plan, quote.account);
    const entry: SentTransaction = {
      hash: chain.hashOf(signed),
      chainId: chain.network.chainId,
      asset: plan.asset,
      from: quote.from,
      to: plan.to,
      amount: plan.amount,
      call: plan.call,
      gasLimit: plan.gasLimit,
      maxFeePerGas: plan.maxFeePerGas,
      maxPriorityFeePerGas: plan.maxPriorityFeePerGas,
      dataFee: plan.dataFee,
      nonce,
      signed,
      taken: false,
      state: 'pending',
      reason: null,
      fee: null,
      replacedBy: null,
      cancels: plan.cancels,
      own: plan.own,
      sentAtMs: clock.now(),
      missingSinceMs: null,
      minedAtMs: null,
      blockNumber: null,
    };
    // Before it leaves: what is on its way must be known here, whatever happens next.
    transactions.keep(entry);
    options.onChange();
    try {
      await chain.broadcast(signed);
      transactions.keep({ ...entry, taken: true });
    } catch (error) {
      if (isAppError(error, 'bad-request', 'insufficient-funds')) {
        transactions.keep({ ...entry, state: 'dropped', reason: error.message });
        options.onChange();
        throw error;
      }
      // Nobody knows whether the node has it: it stays pending and is handed over again, the same one.
      if (!isAppError(error, 'chain-unavailable', 'chain-mismatch')) throw error;
    }
    return shown(transactions.find(entry.hash) ?? entry);
  }

  async function sign(plan: SpendPlan, signer: Account) {
    const nonce = plan.replaces?.nonce ?? (await nextNonce(signer));
    const { to, data, value } = plan.call;
    const { gasLimit, maxFeePerGas, maxPriorityFeePerGas } = plan;
    const signed = await signer.signTransaction({
      chainId: chain.network.chainId,
      nonce,
      to,
      data,
      value,
      gasLimit,
      maxFeePerGas,
      maxPriorityFeePerGas,
    });
    return { nonce, signed };
  }

  /** After everything that the node holds, and after what is written down here and not handed over yet. */
  async function nextNonce({ address }: Account): Promise<number> {
    const { held } = await chain.nonces(address);
    return transactions
      .list()
      .filter((entry) => entry.from === address && entry.state === 'pending')
      .reduce((next, entry) => Math.max(next, entry.nonce + 1), held);
  }

  async function replace(hash: string, action: 'speed-up' | 'cancel'): Promise<WalletTransaction> {
    await check();
    const entry = transactions.find(hash);
    if (entry === null) throw new AppError('not-found', 'This wallet sent no such transaction.');
    if (entry.state !== 'pending' && entry.state !== 'dropped') {
      throw new AppError('bad-request', 'This transaction is final; nothing can take its place any more.');
    }
    const plan = await quoteReplacement(quoting(), entry, action);
    await options.confirmations.ask(summaryOf(plan, clock.now() + PREPARED_MS));
    const sent = await inOrder(async () => {
      if ((await chain.nonces(entry.from)).mined > entry.nonce) {
        throw new AppError('bad-request', 'The transaction came into a block in the meantime.');
      }
      return dispatch(plan);
    });
    return afterwards(sent);
  }

  /** A chain that mines at once has it already. */
  async function afterwards(sent: WalletTransaction): Promise<WalletTransaction> {
    // It was sent: not knowing more about it yet is no failure, and the watch goes on.
    await check().catch(() => undefined);
    const now = transactions.find(sent.hash);
    return now === null ? sent : shown(now);
  }

  function check(): Promise<void> {
    return inOrder(async () => {
      const before = JSON.stringify(transactions.list().map(({ hash, state }) => [hash, state]));
      try {
        await watchOnce({
          transactions,
          chain,
          clock,
          book: (entry, receipt) =>
            options.book({
              hash: entry.hash,
              asset: entry.asset,
              left: (receipt.status === 'success' && !entry.own ? entry.amount : 0n) as Amount,
              fee: receipt.fee,
            }),
        });
      } finally {
        const after = JSON.stringify(transactions.list().map(({ hash, state }) => [hash, state]));
        if (after !== before) options.onChange();
      }
    });
  }

  return {
    async prepare(request) {
      // What came into a block meanwhile must not count as on its way, beside the balance without it.
      if (transactions.list().some(isOpen)) await check();
      const plan = await quoteSend(quoting(), request);
      const nowMs = clock.now();
      for (const [id, { expiresAtMs }] of prepared) if (expiresAtMs <= nowMs) prepared.delete(id);
      if (prepared.size >= PREPARED_MAX) throw new AppError('busy', 'Too many spends are prepared already.');
      const id = randomUUID();
      const expiresAtMs = nowMs + PREPARED_MS;
      prepared.set(id, { plan, expiresAtMs });
      const answer: PreparedSpend = {
        id,
        asset: plan.asset,
        to: plan.to,
        amount: plan.amount.toString(),
        fee: feeMax(plan).toString(),
        total: totalOf(plan).toString(),
        warnings: [...plan.warnings],
        smallTest: plan.smallTest,
        expiresAtMs,
      };
      return answer;
    },
    async send(id) {
      const found = prepared.get(id);
      // Once: a spend is asked for, answered and sent a single time.
      prepared.delete(id);
      if (found === undefined || found.expiresAtMs <= clock.now()) {
        throw new AppError('not-found', 'This spend was used or is too old; prepare it again.');
      }
      await options.confirmations.ask(summaryOf(found.plan, found.expiresAtMs));
      return afterwards(await inOrder(() => dispatch(found.plan)));
    },
    speedUp: (hash) => replace(hash, 'speed-up'),
    cancel: (hash) => replace(hash, 'cancel'),
    history: (limit) => transactions.list().slice(0, limit).map(shown),
    check,
    start() {
      const look = () => {
        // The chain being away is told by the balances; the next look comes soon.
        if (transactions.list().some(isOpen)) check().catch(() => undefined);
      };
      timer = clock.every(WATCH_EVERY_MS, look);
      look();
    },
    stop() {
      timer?.cancel();
      timer = null;
    },
  };
}
