/** The agent's own word on a home's books, asked as an owner asks it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

const AGENT = join(import.meta.dirname, '../../main/agent-main.ts');

/** Null when `ledger verify` finds the home clean, else what it printed. */
export function ledgerVerify(home: string): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(process.execPath, [AGENT, 'ledger', 'verify', '--home', home], (error, stdout, stderr) =>
      resolve(error === null ? null : `${stdout}\n${stderr}`.trim()),
    );
  });
}
