/** Inputs of an export. */
import { kudosOf } from '../../../shared/horde.ts';
import type { Asset } from '../../../shared/money.ts';
import type { KeptPosting } from '../../ports/ledger.ts';
import type { RateSource } from '../../ports/rates.ts';

export interface ExportSources {
  /** All entries in the order in which they were recorded. */
  readonly pages: () => Iterable<readonly KeptPosting[]>;
  /** `fromMs <= time < toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Returns the asset with this ID; null if it is unknown. */
  readonly assetOf: (id: string) => Asset | null;
  readonly rates: RateSource;
  /** Local calendar day, `YYYY-MM-DD`. */
  readonly dayOf: (atMs: number) => string;
}

/** Returns the asset. An unknown one counts in its base units and has the symbol `UNKNOWN`. */
export function knownAsset(sources: ExportSources, id: string): Asset {
  return sources.assetOf(id) ?? kudosOf(id) ?? { id, symbol: 'UNKNOWN', decimals: 0, practice: false };
}

/** Returns the entries of the period. */
export function* entriesOf(sources: ExportSources): Iterable<KeptPosting> {
  for (const page of sources.pages()) {
    for (const entry of page) {
      if (entry.posting.atMs >= sources.fromMs && entry.posting.atMs < sources.toMs) yield entry;
    }
  }
}
