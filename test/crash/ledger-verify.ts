/** Runs the agent's own `ledger verify` on a data folder, as an owner would. */
import { execFile } from 'node:child_process';
import { AGENT_PROGRAM } from '../../scripts/lib/places.ts';

/** Returns null when `ledger verify` finds no difference, otherwise its output. */
export function ledgerVerify(home: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(process.execPath, [AGENT_PROGRAM, 'ledger', 'verify', '--home', home], (error, stdout, stderr) =>
      resolve(error === null ? null : `${stdout}\n${stderr}`.trim()),
    );
  });
}
