/** Updates jobs and ledger to match the chain and the channels, both together or neither. */
import type { SettlementEvent } from '../../ports/chain.ts';
import type { ChannelAccount } from '../../ports/claims.ts';
import type { ChannelPurpose, Ledger } from '../ledger/index.ts';
import type { Jobs } from './jobs.ts';

export interface Bookkeeping {
  readonly jobs: Pick<Jobs, 'markClaimed' | 'markSettled' | 'recover'>;
  readonly ledger: Pick<Ledger, 'channelsClaimed' | 'paidOut' | 'networkFee' | 'recoverCharges' | 'undo'>;
  /** All or nothing over the stores of both. */
  readonly transaction: <T>(run: () => T) => T;
  /** Asset IDs of the token that channels pay in and of the chain's native coin. */
  readonly tokenId: string;
  readonly coinId: string;
  /** Purpose of the channels on which this machine is paid. Default: jobs. */
  readonly purpose?: ChannelPurpose;
}

/**
 * Handles a settlement event: records the transaction with its fee and marks the jobs it pays. An event may arrive
 * more than once. The function throws when the event could not be recorded, so that it is delivered again.
 */
export function bookSettlement(parts: Bookkeeping, event: SettlementEvent): void {
  const { jobs, ledger, tokenId, coinId } = parts;
  if (event.type === 'waiting') return;
  const txHash = event.tx.hash;
  if (event.type === 'undone') {
    // The jobs it paid stay marked: the next transaction marks them again. The ledger alone decides the balance due.
    ledger.undo(txHash, 'The chain dropped the transaction');
    return;
  }
  parts.transaction(() => {
    ledger.networkFee({ txHash, assetId: coinId, amount: event.tx.fee });
    if (event.type === 'settled') {
      ledger.paidOut({ txHash, assetId: tokenId, amount: event.amount });
      jobs.markSettled({ assetId: tokenId, txHash });
      return;
    }
    const channels = event.channels.map(({ channelId, amount }) => ({ channelId, amount }));
    ledger.channelsClaimed({ txHash, assetId: tokenId, channels });
    for (const { channelId, claimedTotal } of event.channels) {
      jobs.markClaimed({ channelId, claimedTotal, txHash });
    }
  });
}

/**
 * Called once at start, before the first job: ends the jobs that a crash left unfinished and records the charges
 * that the channels have and the ledger lacks. `accounts` are the channels that this machine sells on.
 */
export function recoverBooks(parts: Bookkeeping, accounts: readonly ChannelAccount[]): void {
  const charged = new Map(accounts.map((account) => [account.channelId, account.charged]));
  parts.transaction(() => {
    parts.jobs.recover((channelId) => charged.get(channelId) ?? null);
    for (const { channelId, charged: total, claimed } of accounts) {
      const { tokenId: assetId, purpose = 'jobs' } = parts;
      parts.ledger.recoverCharges({ side: 'sold', channelId, assetId, total, purpose });
      parts.jobs.markClaimed({ channelId, claimedTotal: claimed, txHash: null });
    }
  });
}
