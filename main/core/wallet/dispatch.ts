/** Signs a confirmed plan, stores the transaction, and only then broadcasts it. */
import { isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Account } from '../../ports/evm.ts';
import type { SpendChain } from '../../ports/spend-chain.ts';
import { assertStillCovered, type QuoteOptions, type SpendPlan } from './quote.ts';
import type { SentTransaction, Transactions } from './transactions.ts';

export interface DispatchOptions {
  readonly chain: SpendChain;
  readonly clock: Clock;
  readonly transactions: Transactions;
  readonly onChange: () => void;
}

/** A quote's options with the account that signs. */
export type SigningOptions = QuoteOptions & { readonly account: Account };

/**
 * Sends the plan and returns the stored transaction. It stays pending if the chain is unavailable. Calls must not
 * overlap, because each takes the next nonce.
 */
export async function dispatch(
  options: DispatchOptions,
  signing: SigningOptions,
  plan: SpendPlan,
): Promise<SentTransaction> {
  const { chain, transactions, onChange } = options;
  await assertStillCovered(signing, plan);
  const entry = await signPlan(options, signing, plan);
  // Stored before it leaves: a transaction on its way must be known here even if the process ends next.
  transactions.keep(entry);
  onChange();
  try {
    await chain.broadcast(entry.signed);
    transactions.keep({ ...entry, taken: true });
  } catch (error) {
    if (isAppError(error, 'bad-request', 'insufficient-funds')) {
      transactions.keep({ ...entry, state: 'dropped', reason: error.message });
      onChange();
      throw error;
    }
    // The node may have it, so it stays pending and the same transaction is broadcast again later.
    if (!isAppError(error, 'chain-unavailable', 'chain-mismatch')) throw error;
  }
  return transactions.find(entry.hash) ?? entry;
}

async function signPlan(
  { chain, clock, transactions }: DispatchOptions,
  { account, from }: SigningOptions,
  plan: SpendPlan,
): Promise<SentTransaction> {
  const { chainId } = chain.network;
  const { call, gasLimit, maxFeePerGas, maxPriorityFeePerGas } = plan;
  const nonce = plan.replaces?.nonce ?? (await nextNonce(chain, transactions, from));
  const fees = { gasLimit, maxFeePerGas, maxPriorityFeePerGas };
  const { to, data, value } = call;
  const signed = await account.signTransaction({ chainId, nonce, to, data, value, ...fees });
  return {
    hash: chain.hashOf(signed),
    chainId,
    asset: plan.asset,
    from,
    to: plan.to,
    amount: plan.amount,
    call,
    ...fees,
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
    payout: plan.payout,
    sentAtMs: clock.now(),
    missingSinceMs: null,
    minedAtMs: null,
    blockNumber: null,
  };
}

/** Returns the nonce after those that the node has and those that are stored here and not broadcast yet. */
async function nextNonce(
  chain: SpendChain,
  transactions: Transactions,
  from: Account['address'],
): Promise<number> {
  const { held } = await chain.nonces(from);
  return transactions
    .list()
    .filter((entry) => entry.from === from && entry.state === 'pending')
    .reduce((next, entry) => Math.max(next, entry.nonce + 1), held);
}
