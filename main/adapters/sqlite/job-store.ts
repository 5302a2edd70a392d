/** Stores jobs and their timelines in SQLite. */
import { AppError } from '../../../shared/errors.ts';
import type { Job, JobState } from '../../../shared/jobs.ts';
import type { JobFilter, JobRecords } from '../../ports/jobs.ts';
import type { ReadHandle, Value, WriteHandle } from './handles.ts';
import { STATES } from './job-body.ts';
import { findJob, insertJob, numberFor, replaceJob, SIDES, selectJobs } from './job-rows.ts';
import { shortId } from './short-ids.ts';

/** The groups of states that the index knows: the values of the column `outcome`. */
const OUTCOMES = [0, 1, 2] as const;

export function openJobStore(writer: WriteHandle): JobRecords {
  return {
    transaction: (run) => writer.transaction(run),
    ...jobWrites(writer),
    ...jobQueries(writer),
    ...paymentMarks(writer),
  };
}

function jobWrites(writer: WriteHandle): Pick<JobRecords, 'insert' | 'insertEnded' | 'update'> {
  return {
    insertEnded: (job, events, paid) => writer.transaction(() => insertJob(writer, { job, events, paid })),
    insert: (job, event) =>
      writer.transaction(() =>
        insertJob(writer, { job, events: event === undefined ? [] : [event], paid: 'no' }),
      ),
    update: (id, patch, event, paid) =>
      writer.transaction(() => {
        const before = findJob(writer, id);
        if (before === null) {
          throw new AppError('not-found', `Job "${id}" not found.`, { details: { id } });
        }
        const job = { ...before.job, ...patch };
        const events = event === undefined ? before.events : [...before.events, event];
        replaceJob(writer, { job, events, paid: paid ?? before.paid });
        return job;
      }),
  };
}

function jobQueries(reader: ReadHandle): Pick<JobRecords, 'find' | 'list' | 'page' | 'events' | 'count'> {
  return {
    find: (id) => findJob(reader, id)?.job ?? null,
    list: (filter) => listJobs(reader, filter),
    // Texts come before bytes, so '' is before every ID.
    page: (afterId, limit) =>
      selectJobs(reader, 'WHERE id > ? ORDER BY id LIMIT ?', afterId === '' ? '' : shortId(afterId), limit),
    events: (id) => findJob(reader, id)?.events ?? [],
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
      return row?.jobs ?? 0;
    },
  };
}

function paymentMarks(reader: ReadHandle): Pick<JobRecords, 'unclaimed' | 'unsettled'> {
  return {
    unclaimed: (channelId) =>
      selectJobs(
        reader,
        'WHERE due = 1 AND channel = ? ORDER BY created_at_ms, number',
        numberFor(reader, channelId),
      ),
    unsettled: (assetId) =>
      selectJobs(
        reader,
        'WHERE due = 2 AND asset = ? ORDER BY created_at_ms, number',
        numberFor(reader, assetId),
      ),
  };
}

/** Reads each range of the index for itself, newest first, so that no filter has to look at more than it returns. */
function listJobs(reader: ReadHandle, { side, states, beforeMs, limit }: JobFilter): Job[] {
  const sides = side === null ? SIDES : [side];
  const outcomes = states === null ? OUTCOMES : outcomesOf(states);
  const ranges = sides.flatMap((of) => outcomes.map((outcome) => [SIDES.indexOf(of), outcome] as const));
  if (ranges.length === 0) return [];
  const newest = `SELECT * FROM (SELECT number, created_at_ms FROM job
    WHERE side = ? AND outcome = ? AND created_at_ms < ? ${states === null ? '' : onlyThese(states)}
    ORDER BY created_at_ms DESC, number DESC LIMIT ?)`;
  const values: Value[] = ranges.flatMap((range) => [...range, beforeMs ?? Number.MAX_SAFE_INTEGER, limit]);
  return selectJobs(
    reader,
    `JOIN (SELECT number AS found FROM (${ranges.map(() => newest).join(' UNION ALL ')})
      ORDER BY created_at_ms DESC, number DESC LIMIT ?) ON number = found
     ORDER BY created_at_ms DESC, number DESC`,
    ...values,
    limit,
  );
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

/** Returns the condition for states that aren't whole groups; nothing for those that are. */
function onlyThese(states: readonly JobState[]): string {
  const isWhole = STATES.every(
    (state) => states.includes(state) || !outcomesOf(states).includes(outcomeOf(state)),
  );
  return isWhole ? '' : `AND state IN (${states.map((state) => STATES.indexOf(state)).join(', ')})`;
}
