/**
 * Sums flows over spans of time: the stored ones in the database, because a year has more of them than a page should wait
 * for, and those that aren't stored yet. What was summed is remembered until an entry of that time is appended, which for
 * past days is hardly ever.
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
import { flowPrefix, keyParts, SEPARATOR } from './ledger-sums.ts';
import type { OpenSums } from './open-sums.ts';

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
  /** Beginning of the peers' names; absent: all flows. */
  readonly peers?: string | undefined;
}

export interface FlowReader {
  /** Implements {@link LedgerStore.flow}. */
  flow(place: FlowPlace): Flow;
  /** Implements {@link LedgerStore.flowsBy}. */
  flowsBy(by: 'model' | 'peer', place: FlowPlace): readonly NamedFlow[];
  /** Call it with each posting that is appended. */
  appended(posting: Pick<Posting, 'atMs'>): void;
}

interface Remembered {
  readonly span: FlowSpan;
  readonly flows: readonly NamedFlow[];
}

export function createFlowReader(reader: ReadHandle, open: OpenSums): FlowReader {
  const remembered = new Map<string, Remembered>();
  let rollbacks = 0;

  function read(by: 'model' | 'peer' | null, place: FlowPlace): readonly NamedFlow[] {
    const { fromMs, toMs } = place.span;
    assert(
      fromMs % QUARTER_MS === 0 && toMs % QUARTER_MS === 0,
      'the span of flows must consist of whole quarters',
    );
    // What was read in a transaction that was undone isn't stored.
    if (rollbacks !== reader.rollbacks() || remembered.size >= REMEMBERED_MAX) remembered.clear();
    rollbacks = reader.rollbacks();
    const key = JSON.stringify([by, place.account, place.assetId, fromMs, toMs, place.peers]);
    const known = remembered.get(key);
    if (known !== undefined) return known.flows;
    const flows = by === null ? [readSum(reader, open, place)] : readByName(reader, open, by, place);
    remembered.set(key, { span: place.span, flows });
    return flows;
  }

  return {
    flow(place) {
      const [flow] = read(null, place);
      return { amount: flow?.amount ?? amount(0), jobs: flow?.jobs ?? 0 };
    },
    flowsBy: (by, place) => read(by, place),
    appended({ atMs }) {
      for (const [key, { span }] of remembered) {
        if (atMs >= span.fromMs && atMs < span.toMs) remembered.delete(key);
      }
    },
  };
}

interface SumRow {
  readonly amount: string | null;
  readonly jobs: number | null;
  readonly characters: number | null;
}

/** Stored flows that are summed. */
interface Rows {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

function rowsOf({ account, assetId, span, peers }: FlowPlace, by: 'model' | 'peer'): Rows {
  const values = [account, assetId, by, span.fromMs, span.toMs];
  if (peers === undefined) return { sql: ROWS, values };
  return { sql: `${ROWS} AND substr(name, 1, ?) = ?`, values: [...values, peers.length, peers] };
}

/** Both add up to the same sums; only one of them has the names of peers. */
function sumsOf({ peers }: FlowPlace): 'model' | 'peer' {
  return peers === undefined ? 'model' : 'peer';
}

function readSum(reader: ReadHandle, open: OpenSums, place: FlowPlace): NamedFlow {
  const by = sumsOf(place);
  const rows = rowsOf(place, by);
  const row = unlessTooWide(() => reader.get<SumRow>(`SELECT ${COLUMNS} ${rows.sql}`, ...rows.values));
  const stored =
    row !== null && !isTooWide(row)
      ? [{ amount: BigInt(row.amount ?? 0), jobs: row.jobs ?? 0 }]
      : addUp(reader, 'name', rows).values();
  const sum = { amount: 0n, jobs: 0 };
  for (const flow of [...stored, ...openFlows(open, by, place)]) {
    sum.amount += flow.amount;
    sum.jobs += flow.jobs;
  }
  return { name: null, amount: amount(sum.amount), jobs: sum.jobs };
}

function readByName(reader: ReadHandle, open: OpenSums, by: 'model' | 'peer', place: FlowPlace): NamedFlow[] {
  const sums = readGroups<string>(reader, 'name', rowsOf(place, by));
  for (const flow of openFlows(open, by, place)) addFlow(sums, flow.name, flow);
  return [...sums].map(([name, sum]) => ({ name: name || null, ...sum }));
}

/** Sums the stored flows by one of their columns: in the database, if its integers can hold them. */
function readGroups<Key>(reader: ReadHandle, column: 'name' | 'from_ms', rows: Rows): Map<Key, Flow> {
  const groups = unlessTooWide(() =>
    reader.all<SumRow & { key: Key }>(
      `SELECT ${column} AS key, ${COLUMNS} ${rows.sql} GROUP BY ${column}`,
      ...rows.values,
    ),
  );
  if (groups === null || groups.some(isTooWide)) return addUp<Key>(reader, column, rows);
  return new Map(groups.map((row) => [row.key, { amount: amount(row.amount ?? 0), jobs: row.jobs ?? 0 }]));
}

/** A flow that isn't stored yet. */
interface OpenFlow {
  readonly fromMs: number;
  readonly name: string;
  readonly amount: bigint;
  readonly jobs: number;
}

function* openFlows(
  open: OpenSums,
  by: 'model' | 'peer',
  { account, assetId, span, peers = '' }: FlowPlace,
): Generator<OpenFlow> {
  const prefix = flowPrefix(account, assetId, by);
  for (const [key, flow] of open.sums.flows) {
    if (!key.startsWith(prefix)) continue;
    const [time = '', ...name] = keyParts(key.slice(prefix.length));
    const fromMs = Number(time);
    if (fromMs < span.fromMs || fromMs >= span.toMs) continue;
    const whole = name.join(SEPARATOR);
    if (whole.startsWith(peers)) yield { fromMs, name: whole, ...flow };
  }
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
export function readFlowsByQuarter(reader: ReadHandle, open: OpenSums, place: FlowPlace): TimedFlow[] {
  const by = sumsOf(place);
  const sums = readGroups<number>(reader, 'from_ms', rowsOf(place, by));
  for (const flow of openFlows(open, by, place)) addFlow(sums, flow.fromMs, flow);
  return [...sums].map(([fromMs, sum]) => ({ fromMs, ...sum })).sort((a, b) => a.fromMs - b.fromMs);
}

/** Sums the rows by one of their columns, exactly for amounts of any width. */
function addUp<Key>(reader: ReadHandle, column: 'name' | 'from_ms', { sql, values }: Rows): Map<Key, Flow> {
  const sums = new Map<Key, Flow>();
  const flows = reader.iterate<{ key: Key; amount: string; jobs: number }>(
    `SELECT ${column} AS key, amount, jobs ${sql}`,
    ...values,
  );
  for (const row of flows) addFlow(sums, row.key, { amount: BigInt(row.amount), jobs: row.jobs });
  return sums;
}

function addFlow<Key>(
  sums: Map<Key, Flow>,
  key: Key,
  added: { readonly amount: bigint; readonly jobs: number },
): void {
  const known = sums.get(key);
  sums.set(key, {
    amount: amount((known?.amount ?? 0n) + added.amount),
    jobs: (known?.jobs ?? 0) + added.jobs,
  });
}
