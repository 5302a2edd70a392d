/** Every command by its words; another noun's commands are added here, one entry each. */
import type { Command } from './index.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  'ledger verify': {
    summary:
      'Adds every balance up anew and compares; each difference is named. Exit code 1 when there is one.',
    usage: '--home DIR',
    load: () => import('./ledger-verify.ts'),
  },
};
