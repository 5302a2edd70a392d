/**
 * Lets the owner restore a backup from a page: inspects it in a process of its own, and asks the next start to restore
 * exactly that one. Only files in the folder of backups can be named.
 */
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { type BackupFacts, backupFactsSchema } from '../../shared/api/maintenance.ts';
import { AppError } from '../../shared/errors.ts';
import { requestRestore } from '../core/home/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';

/** Time for the response to reach the page before the agent ends. */
const RESPONSE_MS = 250;

const printedSchema = backupFactsSchema.extend({ assetIds: z.array(z.string()) });

export interface RestoreChoice {
  /** Fails with `not-found`, `checksum-mismatch`, `bad-request` (of another network) or `busy`. */
  inspect(name: string): Promise<BackupFacts>;
  /** Fails with `bad-request` unless this backup was inspected last, and `not-permitted` for other losses than shown. */
  restore(choice: {
    readonly name: string;
    readonly checksum: string;
    readonly acceptsEntriesLost: number;
  }): { readonly restarts: boolean };
}

export function createRestoreChoice(parts: {
  /** Data folder. */
  readonly root: string;
  /** Folder of backups. */
  readonly folder: string;
  /** Assets of the active network. */
  readonly assetIds: readonly string[];
  /** Runs a command of this program and returns what it prints. */
  readonly run: (argv: readonly string[]) => Promise<string>;
  /** Starts the agent again; null where nothing would. */
  readonly restart: (() => void) | null;
  readonly quit: () => void;
  readonly clock: Clock;
  readonly log: Log;
}): RestoreChoice {
  const { root, folder, clock, log } = parts;
  let inspected: { readonly name: string; readonly facts: BackupFacts } | null = null;
  let isInspecting = false;
  let isEnding = false;

  async function read(name: string): Promise<BackupFacts> {
    const file = join(folder, basename(name));
    if (!existsSync(file)) throw new AppError('not-found', `Backup ${file} not found.`);
    const printed = await parts.run(['restore', '--check', '--in', file, '--home', root]);
    const { assetIds, ...facts } = printedSchema.parse(JSON.parse(printed));
    if (assetIds.length > 0 && !assetIds.some((id) => parts.assetIds.includes(id))) {
      throw new AppError(
        'bad-request',
        'This backup is of another network. Nothing was changed. Choose that network first.',
      );
    }
    return facts;
  }

  return {
    async inspect(name) {
      if (isInspecting) throw new AppError('busy', 'A backup is being checked. Wait until that is finished.');
      isInspecting = true;
      inspected = null;
      try {
        const facts = await read(name);
        inspected = { name, facts };
        return facts;
      } finally {
        isInspecting = false;
      }
    },
    restore({ name, checksum, acceptsEntriesLost }) {
      if (isEnding) throw new AppError('busy', 'Idlewatt is ending to restore a backup.');
      if (inspected?.name !== name || inspected.facts.checksum !== checksum) {
        throw new AppError(
          'bad-request',
          'This backup was not checked. Nothing was changed. Check it first.',
        );
      }
      const { entriesLost } = inspected.facts;
      if (acceptsEntriesLost !== entriesLost) {
        throw new AppError(
          'not-permitted',
          `The backup lacks ${entriesLost} entries of this machine’s ledger. Nothing was changed.`,
          { details: { entriesLost } },
        );
      }
      requestRestore(root, { file: join(folder, basename(name)), checksum }, clock.now());
      log.info('The owner restores a backup at the next start', {
        ...{ name, checksum, entriesLost, restarts: parts.restart !== null },
      });
      isEnding = true;
      clock.after(RESPONSE_MS, parts.restart ?? parts.quit);
      return { restarts: parts.restart !== null };
    },
  };
}
