/** Chooses the next waiting requester: of the lowest rank the one that began least recently, so that many requests of one delay no other. */

/** Requesters that are remembered. Beyond it, the one that began longest ago is forgotten: it would be next anyway. */
const REQUESTERS_MAX = 1_024;

export interface Waiting {
  readonly requester?: string | null;
  /** A lower one comes first; none comes last. */
  readonly rank?: number;
  /** Patient ones come after all others of their rank. */
  readonly isPatient?: boolean;
}

export class Turns {
  /** The order of the last beginnings, oldest first. */
  readonly #begun = new Map<string, number>();
  #count = 0;

  /** Returns the index of the next one; of one requester the first in line. -1 if nobody waits. */
  next(waiting: readonly Waiting[]): number {
    let best = -1;
    for (const [index, each] of waiting.entries()) {
      const chosen = waiting[best];
      if (chosen === undefined || this.#isBefore(each, chosen)) best = index;
    }
    return best;
  }

  /** Notes that a request begins. */
  note({ requester }: Waiting): void {
    const key = requester ?? '';
    this.#count += 1;
    this.#begun.delete(key);
    this.#begun.set(key, this.#count);
    const [oldest] = this.#begun.keys();
    if (this.#begun.size > REQUESTERS_MAX && oldest !== undefined) this.#begun.delete(oldest);
  }

  #isBefore(one: Waiting, other: Waiting): boolean {
    const rank = rankOf(one);
    if (rank !== rankOf(other)) return rank < rankOf(other);
    const isPatient = one.isPatient === true;
    if (isPatient !== (other.isPatient === true)) return !isPatient;
    return this.#turnOf(one) < this.#turnOf(other);
  }

  #turnOf({ requester }: Waiting): number {
    return this.#begun.get(requester ?? '') ?? 0;
  }
}

function rankOf({ rank = Number.POSITIVE_INFINITY }: Waiting): number {
  return rank;
}
