/**
 * Sums what was received by year: for each day, origin, asset and rate one row, with the value at that time. Practice
 * money is left out, and kudos are listed apart from money.
 */
import { kudosOf } from '../../../shared/horde.ts';
import type { Asset } from '../../../shared/money.ts';
import type { Rate } from '../../ports/rates.ts';
import { INCOME_ACCOUNTS, ORIGINS, type Origin, originsOf } from './origins.ts';
import { type ExportSources, entriesOf, knownAsset } from './sources.ts';
import { valueUnits } from './values.ts';

export interface ReceivedRow {
  /** Local calendar day. */
  readonly day: string;
  readonly origin: Origin;
  readonly asset: Asset;
  /** Null where none is known; then there is no value. */
  readonly rate: Rate | null;
  amount: bigint;
  entries: number;
  firstMs: number;
  lastMs: number;
}

export interface Total {
  readonly origin: Origin;
  readonly asset: Asset;
  amount: bigint;
  entries: number;
  /** Part of the amount for which no rate is known. */
  unvalued: bigint;
  /** By currency; see {@link valueUnits}. */
  readonly values: Map<string, bigint>;
}

export interface YearSummary {
  readonly year: string;
  /** By day, then by origin. */
  readonly rows: readonly ReceivedRow[];
  readonly totals: readonly Total[];
  /** No money. */
  readonly kudos: readonly Total[];
}

/** Returns the years with income, oldest first. */
export function summarise(sources: ExportSources): readonly YearSummary[] {
  const originOf = originsOf(sources);
  const rows = new Map<string, ReceivedRow>();
  for (const { posting } of entriesOf(sources)) {
    const origin = originOf(posting);
    if (origin === null) continue;
    for (const { account, assetId, amount } of posting.lines) {
      const asset = knownAsset(sources, assetId);
      if (!INCOME_ACCOUNTS.has(account) || asset.practice) continue;
      const rate = isKudos(asset) ? null : sources.rates.at(asset, posting.atMs);
      const day = sources.dayOf(posting.atMs);
      const key = JSON.stringify([day, origin, asset.id, rate]);
      const row = rows.get(key) ?? emptyRow({ day, origin, asset, rate }, posting.atMs);
      rows.set(key, row);
      row.amount -= amount;
      row.entries += 1;
      row.firstMs = Math.min(row.firstMs, posting.atMs);
      row.lastMs = Math.max(row.lastMs, posting.atMs);
    }
  }
  const sorted = [...rows.values()].sort(
    (left, right) =>
      compare(left.day, right.day) ||
      ORIGINS.indexOf(left.origin) - ORIGINS.indexOf(right.origin) ||
      left.firstMs - right.firstMs,
  );
  const byYear = Map.groupBy(sorted, ({ day }) => day.slice(0, 4));
  return [...byYear].map(([year, all]) => {
    const money = all.filter(({ asset }) => !isKudos(asset));
    const kudos = all.filter(({ asset }) => isKudos(asset));
    return { year, rows: money, totals: totalsOf(money), kudos: totalsOf(kudos) };
  });
}

function isKudos({ id }: Asset): boolean {
  return kudosOf(id) !== null;
}

function emptyRow(what: Pick<ReceivedRow, 'day' | 'origin' | 'asset' | 'rate'>, atMs: number): ReceivedRow {
  return { ...what, amount: 0n, entries: 0, firstMs: atMs, lastMs: atMs };
}

function totalsOf(rows: readonly ReceivedRow[]): Total[] {
  const totals = new Map<string, Total>();
  for (const { origin, asset, rate, amount, entries } of rows) {
    const key = `${ORIGINS.indexOf(origin)} ${asset.id}`;
    const total = totals.get(key) ?? {
      ...{ origin, asset, amount: 0n, entries: 0, unvalued: 0n },
      values: new Map<string, bigint>(),
    };
    totals.set(key, total);
    total.amount += amount;
    total.entries += entries;
    if (rate === null) total.unvalued += amount;
    else {
      const sum = total.values.get(rate.currency) ?? 0n;
      total.values.set(rate.currency, sum + valueUnits(amount, asset.decimals, rate.value));
    }
  }
  return [...totals].sort(([left], [right]) => compare(left, right)).map(([, total]) => total);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
