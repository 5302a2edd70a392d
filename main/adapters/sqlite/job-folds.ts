/** Folds old jobs into daily sums: adds them up and deletes their rows, in one transaction. */
import { amount } from '../../../shared/money.ts';
import type { FoldedJobs } from '../../ports/jobs.ts';
import type { ReadHandle, Value, WriteHandle } from './handles.ts';
import { SIDES } from './job-rows.ts';
import { rowChecksum } from './row-checksums.ts';
import { textOf } from './shared-texts.ts';

const DAY_MS = 86_400_000;

/** Stored outcomes of jobs that have ended: served and failed. */
const ENDED = [1, 2] as const;

/**
 * Jobs that ended, with nothing left to claim or to pay out, and with the ledger entry of what they were charged. An
 * amount whose charge isn't known to have come through stays until it is.
 */
const IS_SETTLED = `due IS NULL AND (charged IS NULL OR charged = '0' OR (cumulative IS NOT NULL AND EXISTS (
  SELECT 1 FROM ledger_posting WHERE key = iif(typeof(id) = 'blob', id, 'job:' || id || ':charged'))))`;

/** Columns of the daily sums' key, in the order of the table. */
const PLACE = ['day_ms', 'side', 'outcome', 'model', 'peer', 'asset'] as const;

interface FoldSums {
  jobs: number;
  charged_jobs: number;
  charged: string;
  input_tokens: number;
  output_tokens: number;
}

type FoldRow = Record<(typeof PLACE)[number], number> & FoldSums & { readonly number: number };

/** Implements {@link JobRecords.fold}. */
export function foldJobs(writer: WriteHandle, createdBeforeMs: number, limit: number): number {
  let left = limit;
  for (const [side] of SIDES.entries()) {
    for (const outcome of ENDED) {
      if (left > 0) left -= foldRange(writer, [side, outcome, createdBeforeMs, left]);
    }
  }
  return limit - left;
}

/** Folds the oldest jobs of one range of the index; returns their number. */
function foldRange(
  writer: WriteHandle,
  range: readonly [side: number, outcome: number, createdBeforeMs: number, limit: number],
): number {
  const rows = writer.all<FoldRow>(
    `SELECT number, created_at_ms - created_at_ms % ${DAY_MS} AS day_ms, side, outcome, model, peer,
       coalesce(asset, 0) AS asset, 1 AS jobs, coalesce(charged, '0') <> '0' AS charged_jobs,
       coalesce(charged, '0') AS charged, coalesce(input_tokens, 0) AS input_tokens,
       coalesce(output_tokens, 0) AS output_tokens
     FROM job WHERE side = ? AND outcome = ? AND created_at_ms < ? AND ${IS_SETTLED}
     ORDER BY created_at_ms LIMIT ?`,
    ...range,
  );
  const sums = new Map<string, { readonly place: readonly number[]; readonly rows: FoldRow[] }>();
  for (const row of rows) {
    const place = PLACE.map((column) => row[column]);
    const known = sums.get(place.join()) ?? { place, rows: [] };
    known.rows.push(row);
    sums.set(place.join(), known);
    writer.run('DELETE FROM job WHERE number = ?', row.number);
  }
  for (const { place, rows: added } of sums.values()) addToFold(writer, place, added);
  return rows.length;
}

function addToFold(writer: WriteHandle, place: readonly number[], rows: readonly FoldSums[]): void {
  const before = writer.get<FoldSums>(
    `SELECT jobs, charged_jobs, charged, input_tokens, output_tokens FROM job_fold
     WHERE ${PLACE.map((column) => `${column} = ?`).join(' AND ')}`,
    ...place,
  );
  const all = before === null ? rows : [before, ...rows];
  const sum = (column: 'jobs' | 'charged_jobs' | 'input_tokens' | 'output_tokens') =>
    all.reduce((total, row) => total + row[column], 0);
  const values: Value[] = [
    ...place,
    sum('jobs'),
    sum('charged_jobs'),
    all.reduce((total, row) => total + BigInt(row.charged), 0n).toString(),
    sum('input_tokens'),
    sum('output_tokens'),
  ];
  writer.run(
    `INSERT OR REPLACE INTO job_fold (${PLACE.join(', ')}, jobs, charged_jobs, charged, input_tokens, output_tokens,
       checksum) VALUES (${values.map(() => '?').join(', ')}, ?)`,
    ...values,
    rowChecksum(...values),
  );
}

/** Number of folded jobs that were created on the days that begin in a span. */
export function countFolded(
  reader: ReadHandle,
  filter: { readonly side: number; readonly outcomes: readonly number[]; fromMs: number; toMs: number },
): number {
  const row = reader.get<{ jobs: number }>(
    `SELECT coalesce(sum(jobs), 0) AS jobs FROM job_fold
     WHERE day_ms >= ? AND day_ms < ? AND side = ? AND outcome IN (SELECT value FROM json_each(?))`,
    filter.fromMs,
    filter.toMs,
    filter.side,
    JSON.stringify(filter.outcomes),
  );
  return row?.jobs ?? 0;
}

interface FoldedRow {
  readonly side: number;
  readonly model: number;
  readonly peer: number;
  readonly asset: number;
  readonly jobs: number;
  readonly charged_jobs: number;
  readonly charged: string;
}

/** Implements {@link JobRecords.folded}. */
export function readFolded(reader: ReadHandle): FoldedJobs[] {
  const sums = new Map<string, FoldedJobs>();
  const rows = reader.iterate<FoldedRow>(
    'SELECT side, model, peer, asset, jobs, charged_jobs, charged FROM job_fold',
  );
  for (const row of rows) {
    const key = [row.side, row.model, row.peer, row.asset].join();
    const known = sums.get(key);
    sums.set(key, {
      side: SIDES[row.side] ?? 'sold',
      model: textOf(reader, row.model) ?? '',
      peer: textOf(reader, row.peer) ?? '',
      assetId: row.asset === 0 ? null : textOf(reader, row.asset),
      jobs: (known?.jobs ?? 0) + row.jobs,
      chargedJobs: (known?.chargedJobs ?? 0) + row.charged_jobs,
      charged: amount((known?.charged ?? 0n) + BigInt(row.charged)),
    });
  }
  return [...sums.values()];
}
