/**
 * Books the work among the machines of one owner, in tokens and hours by local day and machine. It is written in the same
 * transaction as the end of the job, which keeps its signed receipt.
 */
import { z } from 'zod';
import type { Job } from '../../../shared/jobs.ts';
import { type WorkDone, workDoneSchema } from '../../../shared/machines.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Calendar } from '../calendar/index.ts';

export interface RecordedWork extends WorkDone {
  /** `YYYY-MM-DD`, local. */
  readonly day: string;
  /** `sold`: this machine did it for the peer; `bought`: the peer did it for this machine. */
  readonly side: Job['side'];
  readonly peer: string;
}

export interface WorkBook {
  /** Books the end of a job. A job that delivered nothing counts nothing. */
  book(job: Job): void;
  /** Everything recorded, oldest day first. */
  all(): readonly RecordedWork[];
  /** Sum of today over all machines. */
  today(side: Job['side']): WorkDone;
}

const COLLECTION = 'own-machines-work';
const NONE: WorkDone = { jobs: 0, inputTokens: 0, outputTokens: 0, workMs: 0 };
const keySchema = z.tuple([z.string(), z.enum(['sold', 'bought']), z.string()]);

export function createWorkBook(parts: {
  readonly records: RecordStore;
  readonly calendar: Calendar;
  readonly clock: Pick<Clock, 'now'>;
}): WorkBook {
  const { records, calendar, clock } = parts;
  const all = () =>
    records.list(COLLECTION).map(({ key, value }) => {
      const [day, side, peer] = keySchema.parse(key.split(' '));
      return { day, side, peer, ...workDoneSchema.parse(JSON.parse(value)) };
    });
  /** Until the next record: a long history takes some time to read. */
  let known: { readonly day: string; readonly booked: readonly RecordedWork[] } | null = null;
  const bookedToday = () => {
    const day = calendar.day(clock.now());
    if (known?.day !== day) known = { day, booked: all().filter((booked) => booked.day === day) };
    return known.booked;
  };
  return {
    book(job) {
      if (job.outputTokens === null || job.inputTokens === null || job.endedAtMs === null) return;
      const { inputTokens, outputTokens, endedAtMs } = job;
      known = null;
      const workMs = Math.max(0, endedAtMs - (job.startedAtMs ?? endedAtMs));
      records.update(COLLECTION, `${calendar.day(endedAtMs)} ${job.side} ${job.peer}`, (current) => {
        const before = current === null ? NONE : workDoneSchema.parse(JSON.parse(current));
        return JSON.stringify(sum(before, { jobs: 1, inputTokens, outputTokens, workMs }));
      });
    },
    all,
    today: (side) =>
      bookedToday()
        .filter((booked) => booked.side === side)
        .reduce(sum, NONE),
  };
}

function sum(left: WorkDone, right: WorkDone): WorkDone {
  return {
    jobs: left.jobs + right.jobs,
    inputTokens: left.inputTokens + right.inputTokens,
    outputTokens: left.outputTokens + right.outputTokens,
    workMs: left.workMs + right.workMs,
  };
}
