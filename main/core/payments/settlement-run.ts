/** One settlement run: records what is open, claims what channels owe in batches, then pays out. */
import { isAppError } from '../../../shared/errors.ts';
import { amount } from '../../../shared/money.ts';
import type { SettlementResult } from '../../ports/chain.ts';
import { type ChannelClaims, CLAIM_BATCH_MAX, type ClaimOutcome } from '../../ports/claims.ts';

export interface RunParts {
  readonly claims: ChannelClaims;
  /** Channels to claim from, in order. */
  readonly due: () => readonly string[];
  /** Records an outcome; throws where it could not be recorded. */
  readonly book: (outcome: ClaimOutcome) => void;
  /** The chain rejects this channel's voucher. */
  readonly onRefused: (channelId: string) => void;
  readonly onActivity: (activity: 'claiming' | 'settling') => void;
  /** The payout has to wait; called only where there is something to pay out. */
  readonly onPayoutHeld: () => void;
  readonly awaitsBackup: () => boolean;
}

export async function runSettlement(parts: RunParts): Promise<SettlementResult> {
  const { claims } = parts;
  const outcomes: ClaimOutcome[] = [];
  const keep = (outcome: ClaimOutcome | null): void => {
    if (outcome === null) return;
    parts.book(outcome);
    outcomes.push(outcome);
  };
  for (const outcome of await claims.recover()) keep(outcome);
  parts.onActivity('claiming');
  const ids = parts.due();
  for (let index = 0; index < ids.length; index += CLAIM_BATCH_MAX) {
    await claimBatch(parts, ids.slice(index, index + CLAIM_BATCH_MAX), keep);
  }
  // A claim that another sender made meanwhile is recorded before its payout.
  for (const outcome of await claims.recover()) keep(outcome);
  if (parts.awaitsBackup()) {
    if (claims.unpaid() > 0n) parts.onPayoutHeld();
  } else {
    parts.onActivity('settling');
    keep(await claims.settle());
  }
  return toResult(outcomes);
}

/** One invalid voucher fails a whole claim on-chain, so a rejected batch is halved until that voucher is alone. */
async function claimBatch(
  parts: RunParts,
  ids: readonly string[],
  keep: (outcome: ClaimOutcome | null) => void,
): Promise<void> {
  try {
    keep(await parts.claims.claim(ids));
  } catch (error) {
    if (!isAppError(error, 'payment-required')) throw error;
    const [only] = ids;
    if (ids.length === 1 && only !== undefined) {
      parts.onRefused(only);
      return;
    }
    const half = Math.ceil(ids.length / 2);
    await claimBatch(parts, ids.slice(0, half), keep);
    await claimBatch(parts, ids.slice(half), keep);
  }
}

function toResult(outcomes: readonly ClaimOutcome[]): SettlementResult {
  const settled = outcomes.filter((outcome) => outcome.type === 'settled');
  const last = settled.at(-1);
  return {
    claims: outcomes.filter((outcome) => outcome.type === 'claimed'),
    settle:
      last === undefined
        ? null
        : { tx: last.tx, amount: amount(settled.reduce((sum, outcome) => sum + outcome.amount, 0n)) },
  };
}
