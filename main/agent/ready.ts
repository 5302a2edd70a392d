/** Announces that the agent is up: a READY line on standard output, and a file for those who can't read that line. */
import { rmSync, writeFileSync } from 'node:fs';
import { AppError } from '../../shared/errors.ts';
import { type AgentReady, readyLine } from '../../shared/host.ts';

export interface ReadyOptions {
  /** Path of the file for the whole content; null for none. */
  readonly readyFile: string | null;
  /** Standard output is stored where others can read it: the line is printed without keys. */
  readonly isOutputKept: boolean;
  readonly print: (line: string) => void;
}

/** Fails with `bad-request` if the file can't be written. Returns the function that removes the file. */
export function announceReady(ready: AgentReady, options: ReadyOptions): () => void {
  const { readyFile, isOutputKept, print } = options;
  if (readyFile !== null) writeReadyFile(readyFile, ready);
  print(readyLine(isOutputKept ? withoutKeys(ready) : ready));
  return () => {
    if (readyFile !== null) rmSync(readyFile, { force: true });
  };
}

/** Leaves out everything that gives access: the pages' tokens and the gateway's key. */
function withoutKeys(ready: AgentReady): AgentReady {
  return { ...ready, page: null, gateway: null, requester: null };
}

function writeReadyFile(path: string, ready: AgentReady): void {
  try {
    // Writing to an existing file would keep its mode.
    rmSync(path, { force: true });
    writeFileSync(path, `${JSON.stringify(ready)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    throw new AppError('bad-request', `Could not write ${path}. Choose another file with --ready-file.`, {
      cause,
      details: { path },
    });
  }
}
