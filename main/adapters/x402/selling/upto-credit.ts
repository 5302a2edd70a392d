/**
 * Limits the answers that were given and not paid yet. A payer can move its money away while it is answered, and addresses
 * cost nothing, so the sum over all payers is limited, too, and what was lost counts for a day, whoever is at fault.
 */
import { type Amount, amount } from '../../../../shared/money.ts';
import type { Clock } from '../../../ports/clock.ts';

const DAY_MS = 86_400_000;
/** Hundredths of the token: a payer may owe 5 of them, all payers together 100. */
const PAYER_HUNDREDTHS = 5n;
const ALL_HUNDREDTHS = 100n;
/** More losses within a day end the credit, whatever their sum. */
const LOSSES_MAX = 1_000;

/** Credit for one answer. Exactly one of its functions is called, once. */
export interface Credit {
  /** Nothing is owed any more. */
  close(): void;
  /** The answer was given, and its payer didn't pay. */
  lose(owed: Amount): void;
  /** The answer was given, and its payment wasn't collected for no fault of its payer, who keeps its credit. */
  forgo(owed: Amount): void;
}

export interface UptoCredit {
  /** The most that any request may cost. */
  readonly most: Amount;
  /** True while an answer for this payer isn't paid or lost. */
  owes(payer: string): boolean;
  /** Returns null if the payer, or all of them, would owe too much, or if the payer didn't pay within the last day. `reference`: of the payment. */
  open(payer: string, ceiling: Amount, reference: string): Credit | null;
  /** Ends the loss of a payment that has arrived by now. */
  regain(reference: string): void;
}

interface Loss {
  readonly reference: string;
  /** Null if it isn't the payer's fault. */
  readonly payer: string | null;
  readonly owed: bigint;
  readonly atMs: number;
}

/** Made once for the life of a program: what was lost is in memory only. */
export function createUptoCredit(clock: Pick<Clock, 'monotonic'>, decimals: number): UptoCredit {
  const hundredth = 10n ** BigInt(decimals) / 100n;
  const most = amount(PAYER_HUNDREDTHS * hundredth);
  const allMax = ALL_HUNDREDTHS * hundredth;
  const owing = new Map<string, bigint>();
  let losses: readonly Loss[] = [];

  function add(payer: string, sum: bigint): void {
    const total = (owing.get(payer) ?? 0n) + sum;
    if (total === 0n) owing.delete(payer);
    else owing.set(payer, total);
  }

  function recent() {
    losses = losses.filter(({ atMs }) => clock.monotonic() - atMs < DAY_MS);
    return losses;
  }

  return {
    most,
    owes: (payer) => owing.has(payer),
    regain(reference) {
      losses = losses.filter((loss) => loss.reference !== reference);
    },
    open(payer, ceiling, reference) {
      const lost = recent();
      if (lost.length >= LOSSES_MAX || lost.some((loss) => loss.payer === payer)) return null;
      if ((owing.get(payer) ?? 0n) + ceiling > most) return null;
      const sums = [...owing.values(), ...lost.map(({ owed }) => owed)];
      if (sums.reduce((sum, each) => sum + each, ceiling) > allMax) return null;
      add(payer, ceiling);
      const end = (by: string | null, owed: Amount) => {
        add(payer, -ceiling);
        losses = [...losses, { reference, payer: by, owed, atMs: clock.monotonic() }];
      };
      return {
        close: () => add(payer, -ceiling),
        lose: (owed) => end(payer, owed),
        forgo: (owed) => end(null, owed),
      };
    },
  };
}
