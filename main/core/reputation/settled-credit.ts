/**
 * Value that was settled on chain, as evidence for providers that this buyer doesn't know. Peers can pay each other in a
 * circle for the network fee alone, so a payment counts only as far as its payer has also paid providers that this buyer
 * knows by its own experience. A ring thus gains at most what it gives away to honest providers. Pure.
 */

/** The sum that one payer paid one provider, as claimed on chain. */
export interface SettledPayment {
  readonly payer: string;
  readonly peer: string;
  /** Base units. */
  readonly amount: number;
  readonly ageMs: number;
}

const HALF_LIFE_MS = 30 * 86_400_000;

/** Returns what an amount still counts after this time. */
export function agedAmount(value: number, ageMs: number): number {
  return value * 2 ** (-Math.max(0, ageMs) / HALF_LIFE_MS);
}

/**
 * Returns the credit of each provider that isn't known, in base units; providers without credit are absent. The sum of
 * all credits is at most what their payers paid to known providers.
 */
export function creditOf(
  payments: readonly SettledPayment[],
  isKnown: (peer: string) => boolean,
): ReadonlyMap<string, number> {
  const toKnown = new Map<string, number>();
  const toOthers = new Map<string, number>();
  const weighed = payments
    .filter(({ amount }) => amount > 0)
    .map((each) => ({ ...each, value: agedAmount(each.amount, each.ageMs) }));
  for (const { payer, peer, value } of weighed) {
    const sums = isKnown(peer) ? toKnown : toOthers;
    sums.set(payer, (sums.get(payer) ?? 0) + value);
  }
  const credits = new Map<string, number>();
  for (const { payer, peer, value } of weighed) {
    const backed = toKnown.get(payer) ?? 0;
    if (backed === 0 || isKnown(peer)) continue;
    const others = toOthers.get(payer) ?? value;
    // What the payer has proven is split over all the providers that it speaks for.
    const share = value * Math.min(1, backed / others);
    credits.set(peer, (credits.get(peer) ?? 0) + share);
  }
  return credits;
}
