/** Remembers the jobs that were taken and whose end the server doesn't have yet, over a crash. Never with their text. */
import { z } from 'zod';
import type { RecordStore } from '../../ports/store.ts';

export interface OpenJob {
  /** The server's ID. */
  readonly id: string;
  /** Of the server that it is from. */
  readonly peer: string;
  readonly atMs: number;
}

export interface OpenJobs {
  add(job: OpenJob): void;
  remove(id: string): void;
  of(peer: string): readonly OpenJob[];
}

const COLLECTION = 'horde-jobs';
const jobSchema = z.object({ id: z.string(), peer: z.string(), atMs: z.number() });

export function createOpenJobs(records: RecordStore): OpenJobs {
  return {
    add: (job) => records.set(COLLECTION, job.id, JSON.stringify(job)),
    remove: (id) => void records.delete(COLLECTION, id),
    of: (peer) =>
      records
        .list(COLLECTION)
        .map(({ value }) => jobSchema.parse(JSON.parse(value)))
        .filter((job) => job.peer === peer),
  };
}
