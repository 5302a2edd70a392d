/** When what is owed is worth the network's fee: pure functions, so that every reason can be shown and tested. */
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import type { ChannelAccount } from '../../ports/claims.ts';

/** What is owed has to be worth so many fees. */
export const FEE_FACTOR = 20n;
/** After a week of waiting, or before a long sleep, less will do. */
const FEE_FACTOR_LATE = 2n;
/** The same where the fee's worth is not known: a tenth of what the owner wants at once. */
const THRESHOLD_SHARE_LATE = 10n;
export const AGE_MAX_MS = 7 * 86_400_000;

export interface PolicyTerms {
  /** Smallest payout that the owner wants by itself. */
  readonly threshold: Amount;
  /** Fee of claim and payout in base units of the token; null where the coin's price is not known. */
  readonly fee: Amount | null;
}

export type Worth = 'due' | 'below-threshold' | 'fee-too-high';

/** Whether the sum is worth its fee in the ordinary course. */
export function worthOf(owed: bigint, { threshold, fee }: PolicyTerms): Worth {
  if (owed < threshold) return 'below-threshold';
  return fee !== null && owed < fee * FEE_FACTOR ? 'fee-too-high' : 'due';
}

/** Whether it is worth it where waiting has a price of its own: it is old, or the machine will sleep. */
export function isWorthItLate(owed: bigint, { threshold, fee }: PolicyTerms): boolean {
  if (owed === 0n) return false;
  return fee === null ? owed * THRESHOLD_SHARE_LATE >= threshold : owed >= fee * FEE_FACTOR_LATE;
}

/** A clock that was set back makes nothing younger than it is: then the age is unknown and no reason. */
export function isOld(accounts: readonly ChannelAccount[], nowMs: number): boolean {
  return accounts.some(({ owedSinceMs }) => owedSinceMs !== null && nowMs - owedSinceMs >= AGE_MAX_MS);
}

export function owedBy(account: ChannelAccount): Amount {
  return account.charged > account.claimed ? amount(account.charged - account.claimed) : ZERO;
}

/** A fee in the chain's coin as base units of the token. */
export function inToken(fee: Amount, price: CoinPrice): Amount {
  return amount((fee * price.token) / price.coin);
}

/** So much of the token is worth so much of the coin, both in base units. */
export interface CoinPrice {
  readonly token: Amount;
  readonly coin: Amount;
}
