/**
 * The API for backups and reports, which the agent writes into its data folder, and for restoring one of its backups: a
 * page can't name a path.
 */
import { oc } from '@orpc/contract';
import { z } from 'zod';

const nothing = z.object({});

export const keptFileSchema = z.object({
  /** Absolute path on the agent's machine. */
  path: z.string(),
  atMs: z.number(),
  bytes: z.number().int(),
});
export type KeptFile = z.infer<typeof keptFileSchema>;

/** Name of a file in the folder of backups. */
export const backupNameSchema = z.string().regex(/^[A-Za-z0-9][\w.-]{0,100}\.tar\.gz$/);

const countSchema = z.number().int().nonnegative();

/** Content of a backup, and what it would replace. */
export const backupFactsSchema = z.object({
  createdAtMs: z.number(),
  /** SHA-256 of the list of its files with their checksums, in hex. */
  checksum: z.string().regex(/^[0-9a-f]{64}$/),
  /** Number of ledger entries in the backup, and on this machine. */
  entries: countSchema,
  entriesHere: countSchema,
  /** Number of ledger entries on this machine that the backup lacks. */
  entriesLost: countSchema,
  /** False if the backup is of another ledger than this machine's, for example of another machine. */
  isSameLedger: z.boolean(),
  /** Addresses; null where there is no wallet. */
  wallet: z.string().nullable(),
  walletHere: z.string().nullable(),
});
export type BackupFacts = z.infer<typeof backupFactsSchema>;

/** Result of the latest restore. */
export const restoreResultSchema = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('restored'),
    atMs: z.number(),
    file: z.string(),
    /** The folder with what was replaced. */
    aside: z.string(),
  }),
  /** Nothing was changed. */
  z.object({ outcome: z.literal('failed'), atMs: z.number(), file: z.string(), message: z.string() }),
]);
export type RestoreResult = z.infer<typeof restoreResultSchema>;

export const maintenanceContract = {
  /** Newest first. */
  list: oc.input(nothing).output(
    z.object({
      backups: z.array(keptFileSchema),
      reports: z.array(keptFileSchema),
      /** The folder in which a backup from elsewhere is found. */
      backupFolder: z.string(),
      lastRestore: restoreResultSchema.nullable(),
    }),
  ),
  /** Backs up everything but models and logs. Older backups are deleted. */
  backup: oc.input(nothing).output(keptFileSchema),
  /** Collects what helps to find a fault, without secrets. */
  report: oc.input(nothing).output(keptFileSchema),
  /**
   * The shell asks the owner for a file and copies it into the folder of backups. Resolves with its name there, or null
   * if none was chosen. Fails with `unsupported` without a desktop shell.
   */
  addBackup: oc.input(nothing).output(z.object({ name: backupNameSchema.nullable() })),
  /**
   * Checks a backup and returns what it would replace. Fails with `not-found`, `checksum-mismatch` (damaged),
   * `bad-request` (of another network), `busy`, or `unsupported` (of a newer version).
   */
  inspectBackup: oc.input(z.object({ name: backupNameSchema })).output(backupFactsSchema),
  /**
   * Ends the agent, which restores the backup at its next start. Fails with `bad-request` unless the backup was inspected
   * just before, and with `not-permitted` if it lacks other entries than those that the owner accepts to lose.
   */
  restore: oc
    .input(
      z.object({
        name: backupNameSchema,
        checksum: backupFactsSchema.shape.checksum,
        acceptsEntriesLost: countSchema,
      }),
    )
    /** `restarts`: the agent starts again automatically. */
    .output(z.object({ restarts: z.boolean() })),
};
