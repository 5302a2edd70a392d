/**
 * Books the work among the machines of one owner, in tokens and hours by local day and machine. It is written in the same
 * transaction as the end of the job, which keeps its signed receipt.
 */
import { z } from 'zod';
import type { Job } from '../../../shared/jobs.ts';
import { DAYS_REPORTED, type WorkDone, workDoneSchema } from '../../../shared/machines.ts';
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
  /** Work of this machine on each of the last days with work, oldest first, at most {@link DAYS_REPORTED}. */
  days(): readonly (WorkDone & { readonly day: string })[];
}

const COLLECTION = 'own-machines-work';
const DAY_MS = 86_400_000;
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
  const bookedLately = () => {
    const nowMs = clock.now();
    const day = calendar.day(nowMs);
    const first = calendar.day(nowMs - (DAYS_REPORTED - 1) * DAY_MS);
    if (known?.day !== day) known = { day, booked: all().filter((booked) => booked.day >= first) };
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
    today(side) {
      const day = calendar.day(clock.now());
      return bookedLately()
        .filter((booked) => booked.side === side && booked.day === day)
        .reduce(sum, NONE);
    },
    days() {
      const sums = new Map<string, WorkDone>();
      for (const { side, day, ...work } of bookedLately()) {
        if (side === 'sold') sums.set(day, sum(sums.get(day) ?? NONE, work));
      }
      const days = [...sums].map(([day, work]) => ({ day, ...work }));
      return days.sort((left, right) => (left.day < right.day ? -1 : 1)).slice(-DAYS_REPORTED);
    },
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
