/** Stores jobs and their timelines in SQLite. */
import { AppError } from '../../../shared/errors.ts';
import { type Job, type JobEvent, jobEventSchema, jobSchema } from '../../../shared/jobs.ts';
import type { JobFilter, JobPatch, JobRecords, JobStore } from '../../ports/jobs.ts';
import type { ReadHandle, Value, WriteHandle } from './handles.ts';
import { rowChecksum } from './row-checksums.ts';

interface JobRow {
  body: string;
}

export function openJobStore(writer: WriteHandle): JobRecords {
  return {
    transaction: (run) => writer.transaction(run),
    ...jobWrites(writer),
    ...jobQueries(writer),
    ...paymentMarks(writer),
  };
}

function jobWrites(writer: WriteHandle): Omit<JobStore, 'leave'> {
  return {
    insert(job) {
      const body = JSON.stringify(jobSchema.parse(job));
      writer.run(
        "INSERT INTO job (id, body, paid, checksum) VALUES (?, ?, 'no', ?)",
        job.id,
        body,
        rowChecksum(job.id, body, 'no'),
      );
    },
    update: (id, patch) => writer.transaction(() => updateJob(writer, id, patch)),
    appendEvent(id, event) {
      const row = writer.get<{ events: number }>(
        'SELECT count(*) AS events FROM job_event WHERE job_id = ?',
        id,
      );
      const position = row?.events ?? 0;
      writer.run(
        'INSERT INTO job_event (job_id, position, at_ms, state, note, checksum) VALUES (?, ?, ?, ?, ?, ?)',
        id,
        position,
        event.atMs,
        event.state,
        event.note,
        rowChecksum(id, position, event.atMs, event.state, event.note),
      );
    },
  };
}

function jobQueries(reader: ReadHandle): Pick<JobRecords, 'find' | 'list' | 'page' | 'events' | 'count'> {
  return {
    find: (id) => findJob(reader, id),
    list: (filter) => listJobs(reader, filter),
    page: (afterId, limit) =>
      reader.all<JobRow>('SELECT body FROM job WHERE id > ? ORDER BY id LIMIT ?', afterId, limit).map(toJob),
    events: (id) =>
      reader
        .all<JobEvent>(
          'SELECT at_ms AS atMs, state, note FROM job_event WHERE job_id = ? ORDER BY position',
          id,
        )
        .map((row) => jobEventSchema.parse(row)),
    count({ side, states, fromMs, toMs }) {
      const row = reader.get<{ jobs: number }>(
        `SELECT count(*) AS jobs FROM job
         WHERE side = ? AND created_at_ms >= ? AND created_at_ms < ? AND state IN (SELECT value FROM json_each(?))`,
        side,
        fromMs,
        toMs,
        JSON.stringify(states),
      );
      return row?.jobs ?? 0;
    },
  };
}

function paymentMarks(writer: WriteHandle): Pick<JobRecords, 'unclaimed' | 'unsettled' | 'markPaid'> {
  return {
    unclaimed: (channelId) =>
      writer
        .all<JobRow>(
          `SELECT body FROM job
           WHERE paid = 'no' AND channel_id = ? AND side = 'sold' AND charged <> '0'
           ORDER BY created_at_ms`,
          channelId,
        )
        .map(toJob),
    unsettled: (assetId) =>
      writer
        .all<JobRow>(
          `SELECT body FROM job WHERE paid = 'claimed' AND asset_id = ? AND side = 'sold' ORDER BY created_at_ms`,
          assetId,
        )
        .map(toJob),
    markPaid(id, mark) {
      writer.run(
        'UPDATE job SET paid = ?, checksum = row_checksum(id, body, ?) WHERE id = ?',
        mark,
        mark,
        id,
      );
    },
  };
}

function updateJob(writer: WriteHandle, id: string, patch: JobPatch): void {
  const job = findJob(writer, id);
  if (job === null) throw new AppError('not-found', `Job "${id}" not found.`, { details: { id } });
  const next = jobSchema.parse({ ...job, ...patch });
  const body = JSON.stringify(next);
  writer.run('UPDATE job SET body = ?, checksum = row_checksum(id, ?, paid) WHERE id = ?', body, body, id);
}

function findJob(reader: ReadHandle, id: string): Job | null {
  const row = reader.get<JobRow>('SELECT body FROM job WHERE id = ?', id);
  return row === null ? null : toJob(row);
}

function listJobs(reader: ReadHandle, { side, states, beforeMs, limit }: JobFilter): Job[] {
  const conditions = ['TRUE'];
  const values: Value[] = [];
  if (side !== null) {
    conditions.push('side = ?');
    values.push(side);
  }
  if (states !== null) {
    conditions.push('state IN (SELECT value FROM json_each(?))');
    values.push(JSON.stringify(states));
  }
  if (beforeMs !== null) {
    conditions.push('created_at_ms < ?');
    values.push(beforeMs);
  }
  const where = conditions.join(' AND ');
  return reader
    .all<JobRow>(
      `SELECT body FROM job WHERE ${where} ORDER BY created_at_ms DESC, id LIMIT ?`,
      ...values,
      limit,
    )
    .map(toJob);
}

function toJob(row: JobRow): Job {
  return jobSchema.parse(JSON.parse(row.body));
}
