/** Stores jobs and their timelines in SQLite. */
import { AppError } from '../../../shared/errors.ts';
import { JOBS_SEARCHED_MAX } from '../../../shared/job-search.ts';
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { JobFilter, JobRecords } from '../../ports/jobs.ts';
import type { ReadHandle, Value, WriteHandle } from './handles.ts';
import { STATES } from './job-body.ts';
import { countFolded, foldJobs, readFolded } from './job-folds.ts';
import {
  findJob,
  insertJob,
  type KeptJob,
  numberFor,
  replaceJob,
  SIDES,
  selectJobs,
  selectKept,
} from './job-rows.ts';
import { shortId } from './short-ids.ts';

/** The groups of states that the index knows: the values of the column `outcome`. */
const OUTCOMES = [0, 1, 2] as const;

export function openJobStore(writer: WriteHandle): JobRecords {
  const recent = createRecentJobs(writer);
  return {
    transaction: (run) => writer.transaction(run),
    ...jobWrites(writer, recent),
    ...jobQueries(writer, recent),
    ...paymentMarks(writer, recent),
    fold(createdBeforeMs, limit) {
      recent.forget();
      return writer.transaction(() => foldJobs(writer, createdBeforeMs, limit));
    },
    folded: () => readFolded(writer),
  };
}

/**
 * Jobs that were written last, or read to be marked, and will probably change: reading one back takes as long as writing
 * it.
 */
const RECENT_MAX = 128;

function jobWrites(
  writer: WriteHandle,
  recent: RecentJobs,
): Pick<JobRecords, 'insert' | 'insertEnded' | 'update'> {
  return {
    insertEnded: (job, events, paid) => writer.transaction(() => insertJob(writer, { job, events, paid })),
    insert: (job, event) =>
      writer.transaction(() => {
        const kept = { job, events: event === undefined ? [] : [event], paid: 'no' } as const;
        insertJob(writer, kept);
        recent.keep(kept);
      }),
    update: (id, patch, added, paid) =>
      writer.transaction(() => {
        const before = recent.find(id);
        if (before === null) {
          throw new AppError('not-found', `Job "${id}" not found.`, { details: { id } });
        }
        const job = { ...before.job, ...patch };
        const kept = { job, events: [...before.events, ...added], paid: paid ?? before.paid };
        replaceJob(writer, kept);
        recent.keep(kept);
        return job;
      }),
  };
}

interface RecentJobs {
  /** Finds any stored job. */
  find(id: string): KeptJob | null;
  keep(kept: KeptJob): void;
  /** Forgets all, because some may go. */
  forget(): void;
}

function createRecentJobs(reader: ReadHandle): RecentJobs {
  const recent = new Map<string, KeptJob>();
  let rollbacks = reader.rollbacks();
  const forgetUndone = () => {
    if (rollbacks === reader.rollbacks()) return;
    rollbacks = reader.rollbacks();
    recent.clear();
  };
  return {
    find(id) {
      forgetUndone();
      return recent.get(id) ?? findJob(reader, id);
    },
    keep(kept) {
      forgetUndone();
      recent.delete(kept.job.id);
      recent.set(kept.job.id, kept);
      const oldest = recent.keys().next();
      if (recent.size > RECENT_MAX && !oldest.done) recent.delete(oldest.value);
    },
    forget: () => recent.clear(),
  };
}

function jobQueries(
  reader: ReadHandle,
  recent: RecentJobs,
): Pick<JobRecords, 'find' | 'list' | 'page' | 'events' | 'count' | 'bounds'> {
  return {
    find: (id) => recent.find(id)?.job ?? null,
    list: (filter) => listJobs(reader, filter),
    // Texts come before bytes, so '' is before every ID.
    page: (afterId, limit) =>
      selectJobs(reader, 'WHERE id > ? ORDER BY id LIMIT ?', afterId === '' ? '' : shortId(afterId), limit),
    events: (id) => recent.find(id)?.events ?? [],
    count({ side, states, fromMs, toMs }) {
      const row = reader.get<{ jobs: number }>(
        `SELECT count(*) AS jobs FROM job
         WHERE side = ? AND outcome IN (SELECT value FROM json_each(?)) AND created_at_ms >= ? AND created_at_ms < ?
         ${onlyThese(states)}`,
        SIDES.indexOf(side),
        JSON.stringify(outcomesOf(states)),
        fromMs,
        toMs,
      );
      const outcomes = isWhole(states) ? outcomesOf(states) : [];
      return (row?.jobs ?? 0) + countFolded(reader, { side: SIDES.indexOf(side), outcomes, fromMs, toMs });
    },
    bounds(side) {
      const [unfinished, served, failed] = OUTCOMES.map((outcome) => timesOf(reader, side, outcome));
      const newest = [unfinished, served, failed].flatMap((times) => times?.newest ?? []);
      return {
        newestMs: newest.length > 0 ? Math.max(...newest) : null,
        oldestUnfinishedMs: unfinished?.oldest ?? null,
      };
    },
  };
}

interface Times {
  readonly oldest: number | null;
  readonly newest: number | null;
}

/** Returns the first and the last creation time in one range of the index. */
function timesOf(reader: ReadHandle, side: Job['side'], outcome: number): Times | null {
  const range = 'FROM job WHERE side = ? AND outcome = ?';
  return reader.get<Times>(
    `SELECT (SELECT min(created_at_ms) ${range}) AS oldest, (SELECT max(created_at_ms) ${range}) AS newest`,
    ...[SIDES.indexOf(side), outcome, SIDES.indexOf(side), outcome],
  );
}

/** Both read the index in its order, so that a small number of rows takes as long in a long list as in a short one. */
function paymentMarks(reader: ReadHandle, recent: RecentJobs): Pick<JobRecords, 'unclaimed' | 'unsettled'> {
  const select = (condition: string, ...values: Value[]): Job[] =>
    selectKept(reader, `WHERE ${condition} ORDER BY channel, number LIMIT ?`, ...values).map((kept) => {
      recent.keep(kept);
      return kept.job;
    });
  return {
    unclaimed: (channelId, claimedTotal, limit) => {
      const total = claimedTotal.toString();
      const isCovered = '(length(cumulative), cumulative) <= (?, ?)';
      const channel = numberFor(reader, channelId);
      return select(`due = 1 AND channel = ? AND ${isCovered}`, channel, total.length, total, limit);
    },
    unsettled(assetId, limit) {
      const numbers = unsettledNumbers(reader, numberFor(reader, assetId), limit);
      return select('number IN (SELECT value FROM json_each(?))', JSON.stringify(numbers), limit);
    },
  };
}

/**
 * Takes a part from each channel, then fills up: jobs of one time are next to each other, whatever their channels, and
 * their rows are written together.
 */
function unsettledNumbers(reader: ReadHandle, asset: number, limit: number): readonly number[] {
  const channels = reader.all<{ channel: number }>(
    `WITH RECURSIVE due_channel (channel) AS (
       SELECT min(channel) FROM job WHERE due = 2
       UNION ALL
       SELECT (SELECT min(channel) FROM job WHERE due = 2 AND job.channel > due_channel.channel)
       FROM due_channel WHERE channel IS NOT NULL
     ) SELECT channel FROM due_channel WHERE channel IS NOT NULL LIMIT ?`,
    limit,
  );
  const share = Math.max(1, Math.floor(limit / Math.max(1, channels.length)));
  const numbersOf = (condition: string, ...values: Value[]): number[] =>
    reader
      .all<{ number: number }>(
        `SELECT number FROM job WHERE due = 2 AND asset = ? ${condition} ORDER BY channel, number LIMIT ?`,
        asset,
        ...values,
      )
      .map(({ number }) => number);
  const found = new Set(channels.flatMap(({ channel }) => numbersOf('AND channel = ?', channel, share)));
  for (const number of found.size < limit ? numbersOf('', limit) : []) found.add(number);
  return [...found].slice(0, limit);
}

/** Reads each range of the index for itself, newest first, so that no filter has to look at more than it returns. */
function listJobs(reader: ReadHandle, filter: JobFilter): Job[] {
  const { side, states, beforeMs, limit } = filter;
  const sides = side === null ? SIDES : [side];
  const outcomes = states === null ? OUTCOMES : outcomesOf(states);
  const ranges = sides.flatMap((of) => outcomes.map((outcome) => [SIDES.indexOf(of), outcome] as const));
  if (ranges.length === 0) return [];
  const found = searchOf(reader, filter);
  const newest = `SELECT number, created_at_ms FROM (SELECT number, created_at_ms, id, model, peer FROM job
    WHERE side = ? AND outcome = ? AND created_at_ms < ? ${states === null ? '' : onlyThese(states)}
    ORDER BY created_at_ms DESC, number DESC LIMIT ?) WHERE ${found.condition} LIMIT ?`;
  const looksAt = found.values.length === 0 ? limit : JOBS_SEARCHED_MAX;
  const values: Value[] = ranges.flatMap((range) => [
    ...[...range, beforeMs ?? Number.MAX_SAFE_INTEGER, looksAt],
    ...[...found.values, limit],
  ]);
  return selectJobs(
    reader,
    `JOIN (SELECT number AS found FROM (${ranges.map(() => `SELECT * FROM (${newest})`).join(' UNION ALL ')})
      ORDER BY created_at_ms DESC, number DESC LIMIT ?) ON number = found
     ORDER BY created_at_ms DESC, number DESC`,
    ...values,
    limit,
  );
}

/** Returns the condition for the model and the text of a filter, with its values. */
function searchOf(reader: ReadHandle, { model, search }: JobFilter): { condition: string; values: Value[] } {
  const conditions: string[] = [];
  const values: Value[] = [];
  if (model !== undefined) {
    conditions.push('model = ?');
    values.push(numberFor(reader, model));
  }
  if (search !== undefined && search !== '') {
    conditions.push(`(id = ? OR EXISTS (SELECT 1 FROM shared_text AS known
      WHERE known.number IN (model, peer) AND instr(lower(known.text), lower(?)) > 0))`);
    values.push(shortId(search), search);
  }
  return { condition: conditions.join(' AND ') || '1', values };
}

function outcomesOf(states: readonly JobState[]): readonly number[] {
  return [...new Set(states.map(outcomeOf))];
}

/** As the column `outcome` computes it. */
function outcomeOf(state: JobState): number {
  const number = STATES.indexOf(state);
  if (number < 3) return 0;
  return number < 6 ? 1 : 2;
}

/** True if the states are whole groups. */
function isWhole(states: readonly JobState[]): boolean {
  return STATES.every((state) => states.includes(state) || !outcomesOf(states).includes(outcomeOf(state)));
}

/** Returns the condition for states that aren't whole groups; nothing for those that are. */
function onlyThese(states: readonly JobState[]): string {
  return isWhole(states) ? '' : `AND state IN (${states.map((state) => STATES.indexOf(state)).join(', ')})`;
}
