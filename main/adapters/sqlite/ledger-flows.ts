/** Sums the stored flows over spans of time, in the database: a year has more of them than a page should wait for. */
import { assert } from '../../../shared/assert.ts';
import { amount } from '../../../shared/money.ts';
import {
  type Account,
  type Flow,
  type FlowSpan,
  type NamedFlow,
  QUARTER_MS,
  type TimedFlow,
} from '../../ports/ledger.ts';
import type { ReadHandle } from './handles.ts';

/**
 * Most characters of an amount that SQLite can add up without rounding: below 2^63, with a sign. Both halves are summed
 * for themselves, so that no number of rows overflows.
 */
const CHARACTERS_MAX = 18;
const HALF = 1_000_000_000n;

const COLUMNS = `CAST(coalesce(sum(CAST(amount AS INTEGER) / ${HALF}), 0) AS TEXT) AS high,
  CAST(coalesce(sum(CAST(amount AS INTEGER) % ${HALF}), 0) AS TEXT) AS low,
  coalesce(sum(jobs), 0) AS jobs, coalesce(max(length(amount)), 0) AS characters`;
const ROWS = `FROM ledger_flow WHERE account = ? AND asset_id = ? AND by = ? AND from_ms >= ? AND from_ms < ?`;

interface SumRow {
  readonly high: string;
  readonly low: string;
  readonly jobs: number;
  readonly characters: number;
}

type Place = readonly [account: string, assetId: string, by: string, fromMs: number, toMs: number];

/** Implements {@link LedgerStore.flow}. */
export function readFlow(reader: ReadHandle, account: Account, assetId: string, span: FlowSpan): Flow {
  const place: Place = [account, assetId, 'model', ...limitsOf(span)];
  const row = reader.get<SumRow>(`SELECT ${COLUMNS} ${ROWS}`, ...place);
  if (row === null) return { amount: amount(0), jobs: 0 };
  return { amount: sumOf(row, () => addUp(reader, ROWS, place)), jobs: row.jobs };
}

/** Implements {@link LedgerStore.flowsBy}. */
export function readFlowsBy(
  reader: ReadHandle,
  by: 'model' | 'peer',
  {
    account,
    assetId,
    span,
  }: { readonly account: Account; readonly assetId: string; readonly span: FlowSpan },
): NamedFlow[] {
  const place: Place = [account, assetId, by, ...limitsOf(span)];
  return reader
    .all<SumRow & { name: string }>(`SELECT name, ${COLUMNS} ${ROWS} GROUP BY name`, ...place)
    .map((row) => ({
      name: row.name === '' ? null : row.name,
      amount: sumOf(row, () => addUp(reader, `${ROWS} AND name = ?`, [...place, row.name])),
      jobs: row.jobs,
    }));
}

/** Implements {@link LedgerStore.flowsByQuarter}. */
export function readFlowsByQuarter(
  reader: ReadHandle,
  account: Account,
  assetId: string,
  span: FlowSpan,
): TimedFlow[] {
  const place: Place = [account, assetId, 'model', ...limitsOf(span)];
  return reader
    .all<SumRow & { fromMs: number }>(
      `SELECT from_ms AS fromMs, ${COLUMNS} ${ROWS} GROUP BY from_ms ORDER BY from_ms`,
      ...place,
    )
    .map((row) => ({
      fromMs: row.fromMs,
      amount: sumOf(row, () => addUp(reader, `${ROWS} AND from_ms = ?`, [...place, row.fromMs])),
      jobs: row.jobs,
    }));
}

function limitsOf({ fromMs, toMs }: FlowSpan): readonly [number, number] {
  assert(
    fromMs % QUARTER_MS === 0 && toMs % QUARTER_MS === 0,
    'the span of flows must consist of whole quarters',
  );
  return [fromMs, toMs];
}

function sumOf({ high, low, characters }: SumRow, exactly: () => bigint) {
  return amount(characters > CHARACTERS_MAX ? exactly() : BigInt(high) * HALF + BigInt(low));
}

/** Adds up amounts that are too wide for the database. */
function addUp(reader: ReadHandle, rows: string, values: readonly (string | number)[]): bigint {
  let sum = 0n;
  for (const row of reader.iterate<{ amount: string }>(`SELECT amount ${rows}`, ...values)) {
    sum += BigInt(row.amount);
  }
  return sum;
}
