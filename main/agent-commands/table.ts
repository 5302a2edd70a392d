/** Every command by its words; another noun's commands are added here, one entry each. */
import type { Command } from './index.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  backup: {
    summary: 'Writes a whole home, without models, into one file; the agent may go on running.',
    usage: '[--home DIR] --out FILE',
    load: async () => ({ run: (await import('./backup.ts')).backUp }),
  },
  restore: {
    summary: 'Puts a backup back into a home that is not there yet.',
    usage: '[--home DIR] --in FILE',
    load: async () => ({ run: (await import('./backup.ts')).restore }),
  },
  why: {
    summary: 'Says why nothing is earned now, and what would change it; needs the running agent.',
    usage: '[--home DIR] [--json]',
    load: () => import('./why.ts'),
  },
  logs: {
    summary: 'Prints the log; with --follow also what is written from now on.',
    usage: '[--home DIR] [--follow] [--level LEVEL] [--component NAME] [--lines N] [--json]',
    load: () => import('./logs.ts'),
  },
  report: {
    summary: 'Writes versions, settings, sensor states and the recent log into a zip file, for a bug report.',
    usage: '--out FILE [--home DIR]',
    load: () => import('./report.ts'),
  },
  'ledger export': {
    summary: 'Writes the books as a table or as plain-text accounts, with fiat values where a rate is known.',
    usage: '[--home DIR] --format csv|beancount [--from DAY] [--to DAY] [--rates FILE] [--out FILE]',
    load: () => import('./ledger-export.ts'),
  },
  'ledger verify': {
    summary:
      'Adds every balance up anew from receipts and chain, and names each difference; exit code 1 when there is one.',
    usage: '[--home DIR] [--rpc URL] [--json]',
    load: () => import('./ledger-verify.ts'),
  },
  'wallet create': {
    summary: 'Makes the first wallet of a home and shows its recovery words, once.',
    usage: '[--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).create }),
  },
  'wallet import': {
    summary: 'Uses another secret from the next start; today’s key file is kept aside.',
    usage: 'phrase|key|keystore [--file FILE] [--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).bring }),
  },
  'wallet export': {
    summary: 'Writes a keystore V3 file under a pass phrase of its own.',
    usage: '--out FILE [--home DIR] [--practice] [--passphrase-file FILE] [--export-passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).take }),
  },
  'wallet drill': {
    summary: 'Asks a few recovery words back; real money is paid out only after that.',
    usage: '[--home DIR] [--practice] [--passphrase-file FILE]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).drill }),
  },
  'wallet payout': {
    summary: 'Sends earnings to an address whose key need not be on this machine, from the next start.',
    usage: 'ADDRESS|own [--home DIR]',
    load: async () => ({ run: (await import('./wallet-secrets.ts')).payout }),
  },
  'wallet send': {
    summary: 'Sends after showing every fact and asking here; needs the running agent.',
    usage: 'token|coin AMOUNT|all ADDRESS [--small-test] [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).send }),
  },
  'wallet pending': {
    summary: 'Shows the spends that wait for a confirmation.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).pending }),
  },
  'wallet confirm': {
    summary: 'Shows one of them with every fact and asks whether to send it.',
    usage: 'ID [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).confirm }),
  },
  'wallet history': {
    summary: 'Shows what was sent, and what became of it.',
    usage: '[--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).history }),
  },
  'wallet speed-up': {
    summary: 'Sends a pending transaction again with a higher fee in its place.',
    usage: 'HASH [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).speedUp }),
  },
  'wallet cancel': {
    summary: 'Puts a transaction that does nothing in the place of a pending one.',
    usage: 'HASH [--home DIR]',
    load: async () => ({ run: (await import('./wallet-spends.ts')).cancel }),
  },
};
