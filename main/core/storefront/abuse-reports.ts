/** Reports of abuse that visitors send to the owner. Nothing of what was sold is in them but what the sender wrote. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { parseJson } from '../../../shared/json.ts';
import type { Clock } from '../../ports/clock.ts';
import type { RecordStore } from '../../ports/store.ts';

const COLLECTION = 'storefront-report';
export const REPORTS_MAX = 200;

/** The body of a report. */
export const newReportSchema = z.object({
  text: z.string().trim().min(1).max(2_000),
  /** Address at which the owner may answer. */
  contact: z.string().trim().max(200).optional(),
});
const storedSchema = newReportSchema.extend({ id: z.string(), atMs: z.number() });
export type AbuseReport = z.infer<typeof storedSchema>;

export interface AbuseReports {
  /** Of more than {@link REPORTS_MAX}, the oldest is dropped. */
  add(report: z.infer<typeof newReportSchema>): void;
  /** Newest first. */
  list(): readonly AbuseReport[];
}

export function createAbuseReports(records: RecordStore, clock: Pick<Clock, 'now'>): AbuseReports {
  const list = () =>
    records
      .list(COLLECTION)
      .flatMap(({ value }) => {
        const parsed = storedSchema.safeParse(parseJson(value));
        return parsed.success ? [parsed.data] : [];
      })
      .sort((a, b) => b.atMs - a.atMs);
  return {
    list,
    add(report) {
      for (const old of list().slice(REPORTS_MAX - 1)) records.delete(COLLECTION, old.id);
      const id = randomUUID();
      records.set(COLLECTION, id, JSON.stringify({ ...report, id, atMs: clock.now() }));
    },
  };
}
