/** Lists what channels owe and the one reason why each amount has not arrived yet. Pure. */
import { amount } from '../../../shared/money.ts';
import type { Receivable } from '../../ports/chain.ts';
import type { ChannelAccount } from '../../ports/claims.ts';
import { owedBy, type Worth } from './policy.ts';
import type { Obstacle } from './retry.ts';

export interface SettlementSituation {
  /** Channels whose voucher the chain rejects. */
  readonly refused: ReadonlySet<string>;
  /** Channels whose claim or payout the chain dropped and that wait for the next one. */
  readonly undone: ReadonlySet<string>;
  readonly isConfirming: boolean;
  readonly activity: 'idle' | 'claiming' | 'settling';
  readonly obstacle: Obstacle | null;
  readonly awaitsBackup: boolean;
  readonly isDue: boolean;
  /** Of everything that can be claimed. */
  readonly worth: Worth;
}

export function receivablesOf(
  accounts: readonly ChannelAccount[],
  situation: SettlementSituation,
): Receivable[] {
  return accounts
    .filter((account) => account.charged > account.settled)
    .map((account) => ({
      channelId: account.channelId,
      payer: account.payer,
      owed: owedBy(account),
      claimed: amount(account.claimed - account.settled),
      claimedTotal: account.claimed,
      state: owedBy(account) > 0n ? ('owed' as const) : ('claimed' as const),
      reason: reasonFor(account, situation),
    }));
}

/** Returns the first reason that applies, from those of this channel alone to those of all channels. */
function reasonFor(account: ChannelAccount, situation: SettlementSituation): Receivable['reason'] {
  const { activity, obstacle, worth } = situation;
  const isOwed = owedBy(account) > 0n;
  if (isOwed && situation.refused.has(account.channelId)) return 'voucher-refused';
  if (situation.isConfirming) return 'confirming';
  if (activity === 'claiming') return isOwed ? 'claiming' : 'settling';
  if (activity === 'settling') return 'settling';
  if (obstacle !== null) return obstacle;
  if (situation.undone.has(account.channelId)) return 'undone-by-chain';
  if (!isOwed) return situation.awaitsBackup ? 'wallet-not-backed-up' : 'waiting-for-schedule';
  if (account.withdrawing) return situation.isDue ? 'payer-withdrawing' : 'fee-too-high';
  if (situation.isDue) return 'waiting-for-schedule';
  return worth === 'due' ? 'waiting-for-schedule' : worth;
}
