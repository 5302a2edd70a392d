/**
 * Stores to which private network this machine belongs, with that network's key, in a file that only its owner can read. The
 * key is in no log, no command line and no backup report.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import { pairingAnswerSchema } from '../../shared/machines.ts';
import type { MembershipRecord, MembershipStore } from '../core/machines/index.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

const FILE = 'machines.json';
const recordSchema = pairingAnswerSchema.omit({ proof: true });

export interface MembershipFile extends MembershipStore {
  /** Null if this machine belongs to no network yet. Fails with `keystore-missing` if the file is damaged. */
  read(): MembershipRecord | null;
}

export function membershipFile(folder: string): MembershipFile {
  const path = join(folder, FILE);
  return {
    read() {
      if (!existsSync(path)) return null;
      try {
        return recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
      } catch (cause) {
        throw new AppError(
          'keystore-missing',
          `${path} is damaged. Restore it from a backup, or delete it and pair this machine again.`,
          { cause },
        );
      }
    },
    write: (record) => replacePrivateFile(path, `${JSON.stringify(recordSchema.parse(record))}\n`),
  };
}
