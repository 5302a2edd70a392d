/** Computes the share of answers that have to be repeated so that cheating doesn't pay. */

export interface Stakes {
  /** Amount that a provider saves by cheating on one answer. */
  readonly gain: number;
  /** Probability that repeating a false answer exposes it: more than 0, up to 1. */
  readonly detection: number;
  /** Price of one answer, in the same unit. */
  readonly fee: number;
  /** Loss of an exposed provider: later income, unpaid balance, deposit. */
  readonly loss: number;
}

/**
 * Returns the share of answers, 0 to 1, above which cheating costs more than it brings: g / (d (f + S)). 1 if no share
 * is enough.
 */
export function auditRate({ gain, detection, fee, loss }: Stakes): number {
  if (gain <= 0) return 0;
  const exposed = detection * (fee + loss);
  return exposed > gain ? gain / exposed : 1;
}
