/** Remembers this machine's worker at the server, over restarts. */
import { z } from 'zod';
import type { RecordStore } from '../../ports/store.ts';

const COLLECTION = 'horde';
const KEY = 'worker';

const workerSchema = z.object({
  /** Used while the owner names none: names are unique there. */
  name: z.string(),
  /** Server and worker that have been asked for jobs with; null for none. */
  known: z.string().nullable(),
  /** The same, if this program paused it there. */
  paused: z.string().nullable(),
});
type Worker = z.infer<typeof workerSchema>;

export interface RememberedWorker {
  readonly current: Worker;
  change(patch: Partial<Worker>): void;
}

export function rememberWorker(records: RecordStore, newName: () => string): RememberedWorker {
  const text = records.get(COLLECTION, KEY);
  const parsed = text === null ? null : workerSchema.safeParse(JSON.parse(text));
  let current: Worker = parsed?.success ? parsed.data : { name: newName(), known: null, paused: null };
  return {
    get current() {
      return current;
    },
    change(patch) {
      current = { ...current, ...patch };
      records.set(COLLECTION, KEY, JSON.stringify(current));
    },
  };
}
