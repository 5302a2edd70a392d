/**
 * Sums the stored flows over spans of time, in the database: a year has more of them than a page should wait for. What
 * was summed is remembered until an entry of that time is appended, which for past days is hardly ever.
 */
import Sqlite from 'better-sqlite3';
import { assert } from '../../../shared/assert.ts';
import { amount } from '../../../shared/money.ts';
import {
  type Account,
  type Flow,
  type FlowSpan,
  type NamedFlow,
  type Posting,
  QUARTER_MS,
  type TimedFlow,
} from '../../ports/ledger.ts';
import type { ReadHandle } from './handles.ts';

/** Most characters of an amount that SQLite can read as a number without rounding: below 2^63, with a sign. */
const CHARACTERS_MAX = 18;
/** Enough for two years by day, of income by model and of fees. */
const REMEMBERED_MAX = 4_000;

const COLUMNS = `CAST(sum(CAST(amount AS INTEGER)) AS TEXT) AS amount, sum(jobs) AS jobs,
  max(length(amount)) AS characters`;
const ROWS = `FROM ledger_flow WHERE account = ? AND asset_id = ? AND by = ? AND from_ms >= ? AND from_ms < ?`;

/** Selects the flows of one account and asset over a span. */
export interface FlowPlace {
  readonly account: Account;
  readonly assetId: string;
  readonly span: FlowSpan;
}

export interface FlowReader {
  /** Implements {@link LedgerStore.flow}. */
  flow(place: FlowPlace): Flow;
  /** Implements {@link LedgerStore.flowsBy}. */
  flowsBy(by: 'model' | 'peer', place: FlowPlace): readonly NamedFlow[];
  /** Call it with each posting that is appended. */
  appended(posting: Pick<Posting, 'atMs'>): void;
  /** Call it before reading what another connection may have appended to. */
  catchUp(): void;
}

interface Remembered {
  readonly span: FlowSpan;
  readonly flows: readonly NamedFlow[];
}

export function createFlowReader(reader: ReadHandle): FlowReader {
  const remembered = new Map<string, Remembered>();
  let rollbacks = 0;
  /** Sequence number of the newest posting that `remembered` contains, for {@link FlowReader.catchUp}. */
  let newest = 0;

  function read(by: 'model' | 'peer' | null, place: FlowPlace): readonly NamedFlow[] {
    const { fromMs, toMs } = place.span;
    assert(
      fromMs % QUARTER_MS === 0 && toMs % QUARTER_MS === 0,
      'the span of flows must consist of whole quarters',
    );
    // What was read in a transaction that was undone isn't stored.
    if (rollbacks !== reader.rollbacks() || remembered.size >= REMEMBERED_MAX) remembered.clear();
    rollbacks = reader.rollbacks();
    const key = JSON.stringify([by, place.account, place.assetId, fromMs, toMs]);
    const known = remembered.get(key);
    if (known !== undefined) return known.flows;
    const flows = by === null ? [readSum(reader, place)] : readByName(reader, by, place);
    remembered.set(key, { span: place.span, flows });
    return flows;
  }

  function forgetAt(atMs: number): void {
    for (const [key, { span }] of remembered) {
      if (atMs >= span.fromMs && atMs < span.toMs) remembered.delete(key);
    }
  }

  return {
    flow(place) {
      const [flow] = read(null, place);
      return { amount: flow?.amount ?? amount(0), jobs: flow?.jobs ?? 0 };
    },
    flowsBy: (by, place) => read(by, place),
    appended: ({ atMs }) => forgetAt(atMs),
    catchUp() {
      const head = reader.get<{ sequence: number }>('SELECT sequence FROM ledger_head')?.sequence ?? 0;
      if (head === newest) return;
      if (remembered.size > 0) {
        const quarters = reader.all<{ atMs: number }>(
          `SELECT DISTINCT at_ms - at_ms % ${QUARTER_MS} AS atMs FROM ledger_posting WHERE sequence > ?`,
          newest,
        );
        for (const { atMs } of quarters) forgetAt(atMs);
      }
      newest = head;
    },
  };
}

interface SumRow {
  readonly amount: string | null;
  readonly jobs: number | null;
  readonly characters: number | null;
}

type Values = readonly [account: string, assetId: string, by: string, fromMs: number, toMs: number];

function valuesOf({ account, assetId, span }: FlowPlace, by: 'model' | 'peer'): Values {
  return [account, assetId, by, span.fromMs, span.toMs];
}

function readSum(reader: ReadHandle, place: FlowPlace): NamedFlow {
  const values = valuesOf(place, 'model');
  const row = unlessTooWide(() => reader.get<SumRow>(`SELECT ${COLUMNS} ${ROWS}`, ...values));
  if (row !== null && !isTooWide(row)) {
    return { name: null, amount: amount(row.amount ?? 0), jobs: row.jobs ?? 0 };
  }
  const flows = readExactly(reader, values);
  return {
    name: null,
    amount: amount(flows.reduce((sum, flow) => sum + flow.amount, 0n)),
    jobs: flows.reduce((sum, { jobs }) => sum + jobs, 0),
  };
}

function readByName(reader: ReadHandle, by: 'model' | 'peer', place: FlowPlace): NamedFlow[] {
  const values = valuesOf(place, by);
  const rows = unlessTooWide(() =>
    reader.all<SumRow & { name: string }>(`SELECT name, ${COLUMNS} ${ROWS} GROUP BY name`, ...values),
  );
  if (rows === null || rows.some(isTooWide)) return readExactly(reader, values);
  return rows.map((row) => ({
    name: row.name || null,
    amount: amount(row.amount ?? 0),
    jobs: row.jobs ?? 0,
  }));
}

function isTooWide({ characters }: SumRow): boolean {
  return (characters ?? 0) > CHARACTERS_MAX;
}

/** Returns null for a sum that SQLite's integers can't hold. */
function unlessTooWide<T>(run: () => T): T | null {
  try {
    return run();
  } catch (cause) {
    if (cause instanceof Sqlite.SqliteError && cause.message === 'integer overflow') return null;
    throw cause;
  }
}

/** Implements {@link LedgerStore.flowsByQuarter}. */
export function readFlowsByQuarter(reader: ReadHandle, place: FlowPlace): TimedFlow[] {
  const sums = addUp<number>(reader, 'from_ms', valuesOf(place, 'model'));
  return [...sums].map(([fromMs, sum]) => ({ fromMs, ...sum })).sort((a, b) => a.fromMs - b.fromMs);
}

/** Adds up amounts that are too wide for the database. */
function readExactly(reader: ReadHandle, values: Values): NamedFlow[] {
  return [...addUp<string>(reader, 'name', values)].map(([name, sum]) => ({ name: name || null, ...sum }));
}

/** Sums the rows by one of their columns, exactly for amounts of any width. */
function addUp<Key>(reader: ReadHandle, column: 'name' | 'from_ms', values: Values): Map<Key, Flow> {
  const sums = new Map<Key, Flow>();
  const rows = reader.iterate<{ key: Key; amount: string; jobs: number }>(
    `SELECT ${column} AS key, amount, jobs ${ROWS}`,
    ...values,
  );
  for (const row of rows) {
    const known = sums.get(row.key);
    const sum = amount((known?.amount ?? 0n) + BigInt(row.amount));
    sums.set(row.key, { amount: sum, jobs: (known?.jobs ?? 0) + row.jobs });
  }
  return sums;
}
