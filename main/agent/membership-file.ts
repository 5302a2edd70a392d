/**
 * Stores to which private network this machine belongs, with that network's key, in a file that only its owner can read. The
 * key is in no log, no command line and no backup report.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { pairingAnswerSchema } from '../../shared/machines.ts';
import type { MembershipRecord, MembershipStore } from '../core/machines/index.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

/**
 * `office`: the machine works for the others, without payment. `outside`: it sells to others, and its owner's machines see it
 * and give it rules. Files of their own, so that a data folder of one kind never joins as the other.
 */
export type MembershipKind = 'office' | 'outside';

const FILES: Readonly<Record<MembershipKind, string>> = {
  office: 'machines.json',
  outside: 'machines-outside.json',
};
const recordSchema = pairingAnswerSchema
  .omit({ proof: true })
  .extend({ isLeaving: z.boolean().default(false) });

export interface MembershipFile extends MembershipStore {
  /**
   * Null if this machine belongs to no network, also where it was ended before it had left completely: the file is removed then.
   * Fails with `keystore-missing` if the file is damaged.
   */
  read(): MembershipRecord | null;
  /** Removes the membership with the network's key. */
  remove(): void;
}

export function membershipFile(folder: string, kind: MembershipKind): MembershipFile {
  const path = join(folder, FILES[kind]);
  const remove = () => rmSync(path, { force: true });
  return {
    remove,
    read() {
      if (!existsSync(path)) return null;
      try {
        const record = recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
        if (!record.isLeaving) return record;
        remove();
        return null;
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
