/** The last file of a backup: it lists the others, so that a damaged or foreign archive is recognized. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { FoundFile } from './archive.ts';
import { damagedBackup } from './damaged-backup.ts';

export const MANIFEST = 'idlewatt-backup.json';
export const MANIFEST_BYTES_MAX = 1_000_000;
const FORMAT = 'idlewatt-backup-1';
/** Without it a backup isn't one. */
const DATABASE = 'idlewatt.db';

const manifestSchema = z.object({
  format: z.literal(FORMAT),
  createdAtMs: z.number(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
});

export function writeManifest(files: readonly FoundFile[], createdAtMs: number): string {
  return JSON.stringify({ format: FORMAT, createdAtMs, files });
}

export interface CheckedManifest {
  readonly createdAtMs: number;
  /** SHA-256 of the manifest, in hex: it identifies the backup with every byte in it. */
  readonly checksum: string;
}

/** Fails with `checksum-mismatch` unless the manifest lists exactly the files that were found. */
export function checkManifest(manifest: string, found: readonly FoundFile[]): CheckedManifest {
  let listed: readonly FoundFile[];
  let createdAtMs: number;
  try {
    ({ files: listed, createdAtMs } = manifestSchema.parse(JSON.parse(manifest)));
  } catch (cause) {
    throw damagedBackup(cause);
  }
  const text = (files: readonly FoundFile[]) =>
    files.map(({ name, bytes, sha256 }) => `${name} ${bytes} ${sha256}`).join('\n');
  if (text(listed) !== text(found.filter(({ name }) => name !== MANIFEST))) throw damagedBackup();
  if (!listed.some(({ name }) => name === DATABASE)) throw damagedBackup();
  return { createdAtMs, checksum: createHash('sha256').update(manifest).digest('hex') };
}
