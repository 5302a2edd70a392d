/** Jobs and their time lines in SQLite. */
import { AppError } from '../../../shared/errors.ts';
import { type Job, type JobEvent, jobEventSchema, jobSchema } from '../../../shared/jobs.ts';
import type { JobRecords } from '../../ports/jobs.ts';
import type { Value, WriteHandle } from './handles.ts';

interface JobRow {
  body: string;
}

export function openJobStore(writer: WriteHandle): JobRecords {
  const find = (id: string): Job | null => {
    const row = writer.get<JobRow>('SELECT body FROM job WHERE id = ?', id);
    return row === null ? null : toJob(row);
  };
  return {
    transaction: (run) => writer.transaction(run),
    insert(job) {
      writer.run('INSERT INTO job (id, body) VALUES (?, ?)', job.id, JSON.stringify(jobSchema.parse(job)));
    },
    update(id, patch) {
      writer.transaction(() => {
        const job = find(id);
        if (job === null)
          throw new AppError('not-found', 'There is no job with this id.', { details: { id } });
        const next = jobSchema.parse({ ...job, ...patch });
        writer.run('UPDATE job SET body = ? WHERE id = ?', JSON.stringify(next), id);
      });
    },
    appendEvent(id, event) {
      writer.run(
        `INSERT INTO job_event (job_id, position, at_ms, state, note)
         VALUES (?, (SELECT count(*) FROM job_event WHERE job_id = ?), ?, ?, ?)`,
        id,
        id,
        event.atMs,
        event.state,
        event.note,
      );
    },
    find,
    list({ side, states, beforeMs, limit }) {
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
      return writer
        .all<JobRow>(
          `SELECT body FROM job WHERE ${where} ORDER BY created_at_ms DESC, id LIMIT ?`,
          ...values,
          limit,
        )
        .map(toJob);
    },
    page: (afterId, limit) =>
      writer.all<JobRow>('SELECT body FROM job WHERE id > ? ORDER BY id LIMIT ?', afterId, limit).map(toJob),
    events: (id) =>
      writer
        .all<JobEvent>(
          'SELECT at_ms AS atMs, state, note FROM job_event WHERE job_id = ? ORDER BY position',
          id,
        )
        .map((row) => jobEventSchema.parse(row)),
    count({ side, states, fromMs }) {
      const row = writer.get<{ jobs: number }>(
        `SELECT count(*) AS jobs FROM job
         WHERE side = ? AND created_at_ms >= ? AND state IN (SELECT value FROM json_each(?))`,
        side,
        fromMs,
        JSON.stringify(states),
      );
      return row?.jobs ?? 0;
    },
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
      writer.run('UPDATE job SET paid = ? WHERE id = ?', mark, id);
    },
  };
}

function toJob(row: JobRow): Job {
  return jobSchema.parse(JSON.parse(row.body));
}
