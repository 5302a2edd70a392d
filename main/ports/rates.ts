/** Historical value of an asset in the owner's currency, with the source of the figure. */

export interface Rate {
  /** ISO 4217, e.g. `EUR`. */
  readonly currency: string;
  /** Decimal: units of the currency for one whole unit of the asset. */
  readonly value: string;
  /** Origin of the figure, so that it can be traced years later. */
  readonly source: string;
}

/** Looks rates up in data stored on this machine, without the network. Null when no rate is known, never a guess. */
export interface RateSource {
  at(asset: { readonly id: string; readonly symbol: string }, atMs: number): Rate | null;
}
