/** Every command by its words; another noun's commands are added here, one entry each. */
import type { Command } from './index.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  'ledger verify': {
    summary:
      'Adds every balance up anew from receipts and chain, and names each difference; exit code 1 when there is one.',
    usage: '[--home DIR] [--rpc URL] [--json]',
    load: () => import('./ledger-verify.ts'),
  },
};
