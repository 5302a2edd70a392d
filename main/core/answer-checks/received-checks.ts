/**
 * Takes the reports of buyers whose checks raised an alarm against an answer of this machine, and stores them for its owner.
 * A report is the claim of one buyer: it has no effect here.
 */
import { type AnswerCheck, answerCheckSchema, checkReportSchema } from '../../../shared/answer-check.ts';
import { checkShape } from '../../../shared/check-shape.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';
import { dropOldest } from './drop-oldest.ts';

export interface ReceivedChecks {
  /**
   * Takes a report on a job from the peer that bought it. Fails with `not-found` for a job that this peer didn't buy or
   * that was charged nothing, and with `bad-request` for a malformed report. The first report of a job stays.
   */
  take(peer: string, jobId: string, report: unknown): void;
  /** Returns the report on a sold job; null for none. */
  find(job: Pick<Job, 'id'>): AnswerCheck | null;
}

export interface ReceivedChecksParts {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Returns the job with this ID; null if there is none. */
  readonly findJob: (id: string) => Job | null;
  /** Called with each report that was stored. */
  readonly onReport: (job: Job, check: AnswerCheck) => void;
}

const COLLECTION = 'received-checks';
/** Beyond them, the oldest goes: each had to be paid for with a job. */
const REPORTS_MAX = 200;

export function createReceivedChecks({
  records,
  clock,
  findJob,
  onReport,
}: ReceivedChecksParts): ReceivedChecks {
  const read = (value: string): AnswerCheck => answerCheckSchema.parse(JSON.parse(value));

  return {
    take(peer, jobId, report) {
      const job = findJob(jobId);
      if (job?.side !== 'sold' || job.peer !== peer || BigInt(job.charged ?? 0) === 0n)
        throw new AppError('not-found', 'This peer bought no such job here.');
      const parsed = checkShape(checkReportSchema, report);
      if (!parsed.success)
        throw new AppError('bad-request', 'The report is malformed.', { cause: parsed.error });
      if (records.get(COLLECTION, jobId) !== null) return;
      const check = { ...parsed.data, atMs: clock.now(), isAlarm: true };
      records.set(COLLECTION, jobId, JSON.stringify(check));
      dropOldest(records, COLLECTION, REPORTS_MAX, (value) => read(value).atMs);
      onReport(job, check);
    },
    find({ id }) {
      const value = records.get(COLLECTION, id);
      return value === null ? null : read(value);
    },
  };
}
