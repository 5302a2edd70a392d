/** Brings jobs and ledger to what the chain and the channels say, both together or neither. */
import type { SettlementEvent } from '../../ports/chain.ts';
import type { ChannelAccount } from '../../ports/claims.ts';
import type { Ledger } from '../ledger/index.ts';
import type { Jobs } from './index.ts';

export interface Bookkeeping {
  readonly jobs: Pick<Jobs, 'markClaimed' | 'markSettled' | 'recover'>;
  readonly ledger: Pick<Ledger, 'channelsClaimed' | 'paidOut' | 'networkFee' | 'recoverCharges' | 'undo'>;
  /** All or nothing over the stores of both. */
  readonly transaction: <T>(run: () => T) => T;
  /** Asset ids of what channels pay in and of the chain's own coin. */
  readonly tokenId: string;
  readonly coinId: string;
}

/**
 * The listener of settlement events: books the transaction with its fee and marks the jobs it pays. An
 * event may come again; it throws when it could not be booked, so that it does come again.
 */
export function bookSettlement(parts: Bookkeeping, event: SettlementEvent): void {
  const { jobs, ledger, tokenId, coinId } = parts;
  if (event.type === 'waiting') return;
  const txHash = event.tx.hash;
  if (event.type === 'undone') {
    // The jobs it paid stay marked: the next transaction marks them again, and what is owed is the ledger's to say.
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
 * Once at start, before the first job: ends what a crash left unfinished and books what the channels
 * charged and the books lack. `accounts` are the channels that we sell on.
 */
export function recoverBooks(parts: Bookkeeping, accounts: readonly ChannelAccount[]): void {
  const charged = new Map(accounts.map((account) => [account.channelId, account.charged]));
  parts.transaction(() => {
    parts.jobs.recover((channelId) => charged.get(channelId) ?? null);
    for (const { channelId, charged: total, claimed } of accounts) {
      parts.ledger.recoverCharges({ side: 'sold', channelId, assetId: parts.tokenId, total });
      parts.jobs.markClaimed({ channelId, claimedTotal: claimed, txHash: null });
    }
  });
}
