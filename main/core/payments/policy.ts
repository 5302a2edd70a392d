/** Decides when the balance due is worth the network fee. Pure, so that every reason can be shown and tested. */
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import type { CoinPrice } from '../../ports/chain.ts';
import type { ChannelAccount } from '../../ports/claims.ts';

/** The balance due has to be worth this many fees. */
export const FEE_FACTOR = 20n;
/** The same after a week of waiting, or before a long sleep. */
const FEE_FACTOR_LATE = 2n;
/** The same where the fee in the token is unknown: one tenth of the owner's payout threshold. */
const THRESHOLD_SHARE_LATE = 10n;
export const AGE_MAX_MS = 7 * 86_400_000;

export interface PolicyTerms {
  /** Smallest automatic payout that the owner wants. */
  readonly threshold: Amount;
  /** Fee of claim and payout in base units of the token; null where the native coin's price is unknown. */
  readonly fee: Amount | null;
}

export type Worth = 'due' | 'below-threshold' | 'fee-too-high';

/** Returns whether a balance due is worth its fee without waiting, or why it isn't. */
export function worthOf(owed: bigint, { threshold, fee }: PolicyTerms): Worth {
  if (owed < threshold) return 'below-threshold';
  return fee !== null && owed < fee * FEE_FACTOR ? 'fee-too-high' : 'due';
}

/** Returns whether it is worth its fee where waiting has a cost too: it is old, or the machine will sleep. */
export function isWorthItLate(owed: bigint, { threshold, fee }: PolicyTerms): boolean {
  if (owed === 0n) return false;
  return fee === null ? owed * THRESHOLD_SHARE_LATE >= threshold : owed >= fee * FEE_FACTOR_LATE;
}

/**
 * Returns whether claiming brings more than it costs, for a payer that withdraws: it can't wait, but a claim at a loss
 * would let a stranger spend our coin by withdrawing again and again.
 */
export function coversFee(owed: bigint, { fee }: PolicyTerms): boolean {
  return owed > 0n && (fee === null || owed > fee);
}

/**
 * Returns whether a balance has been due for a week. A clock that was set back makes the age unknown, which is no
 * reason to claim.
 */
export function isOld(accounts: readonly ChannelAccount[], nowMs: number): boolean {
  return accounts.some(({ owedSinceMs }) => owedSinceMs !== null && nowMs - owedSinceMs >= AGE_MAX_MS);
}

export function owedBy(account: ChannelAccount): Amount {
  return account.charged > account.claimed ? amount(account.charged - account.claimed) : ZERO;
}

/** Converts a fee in the native coin to base units of the token. */
export function inToken(fee: Amount, price: CoinPrice): Amount {
  return amount((fee * price.token) / price.coin);
}

/**
 * Returns the coin's price in the token, of which one million base units are a US dollar. A network's own price, where
 * the coin is worthless, precedes the owner's; null where neither is known.
 */
export function coinPriceOf(
  network: { readonly coin: { readonly decimals: number }; readonly coinPriceMicroUsd: number | null },
  ownersMicroUsd: number | null,
): CoinPrice | null {
  const microUsd = network.coinPriceMicroUsd ?? ownersMicroUsd;
  if (microUsd === null) return null;
  return { token: amount(microUsd), coin: amount(10n ** BigInt(network.coin.decimals)) };
}

/**
 * Returns whether payouts have to wait for a verified backup: with real money, while the payout address's key exists
 * on this machine alone. Practice money is never held, nor is a payout to an address that the owner named.
 */
export function awaitsBackup(wallet: {
  readonly isPractice: boolean;
  readonly payout: string;
  /** Address whose key is on this machine. */
  readonly own: string;
  readonly isBackedUp: boolean;
}): boolean {
  return !wallet.isPractice && wallet.payout === wallet.own && !wallet.isBackedUp;
}
