/** The books in forms that others read: a table for tax advisers, plain-text accounts for accountants. */
import type { Asset } from '../../../shared/money.ts';
import type { KeptPosting } from '../../ports/ledger.ts';
import type { RateSource } from '../../ports/rates.ts';

export { exportBeancount } from './beancount.ts';
export { exportCsv } from './csv.ts';
export { NO_RATES, rateTable } from './rates.ts';

export interface ExportSources {
  /** All postings in the order of booking. */
  readonly pages: () => Iterable<readonly KeptPosting[]>;
  /** `fromMs <= time < toMs`. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What an asset's id stands for; null for one that nobody here knows. */
  readonly assetOf: (id: string) => Asset | null;
  readonly rates: RateSource;
  /** Local calendar day, `YYYY-MM-DD`. */
  readonly dayOf: (atMs: number) => string;
}

/** Amounts of an asset that nobody knows are given in its base units, and say so in its name. */
export function knownAsset(sources: ExportSources, id: string): Asset {
  return sources.assetOf(id) ?? { id, symbol: 'UNKNOWN', decimals: 0, practice: false };
}
