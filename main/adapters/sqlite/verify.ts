/** Starts the process that verifies everything stored, so that its reader can compare receipts and chain meanwhile. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import type { LedgerProblem } from '../../ports/ledger.ts';
import { noDebuggerFlags } from '../../ports/no-debugger.ts';
import { lowerPriorityOf } from '../../ports/priority.ts';

export interface StoredState {
  readonly problems: readonly LedgerProblem[];
  /** The first row outside the ledger that isn't as it was written, named; null if there is none. */
  readonly changedRow: string | null;
}

const resultSchema = z.object({
  problems: z.array(
    z.object({ sequence: z.number().nullable(), key: z.string().nullable(), what: z.string() }),
  ),
  changedRow: z.string().nullable(),
});

/**
 * Verifies the database at `path` from its first entry without changing it, even while an agent uses it. Fails with
 * `aborted` if the process ends before it has finished.
 */
export function verifyStored(path: string): Promise<StoredState> {
  const child = fork(fileURLToPath(new URL('./verify-process.ts', import.meta.url)), [path], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: noDebuggerFlags(),
  });
  lowerPriorityOf(child.pid);
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(resultSchema.parse(message)));
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new AppError('aborted', `The verification of the database ended early (${signal ?? code}).`)),
    );
  });
}
