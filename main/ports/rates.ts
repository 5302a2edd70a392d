/** What an asset was worth at a time, in the owner's currency, by somebody who is named. */

export interface Rate {
  /** ISO 4217, e.g. `EUR`. */
  readonly currency: string;
  /** Decimal: so much of the currency for one whole unit of the asset. */
  readonly value: string;
  /** Whose figure it is, for whoever asks years later. */
  readonly source: string;
}

/** Answers from what is kept on this machine; asks nobody. Null where no rate is known, never a guess. */
export interface RateSource {
  at(asset: { readonly id: string; readonly symbol: string }, atMs: number): Rate | null;
}
