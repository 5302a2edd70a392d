/** Keeps the storefront's certificate, its key and the account's among the agent's keys, in a file that only its owner can read. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { parseJson } from '../../shared/json.ts';
import type { CertificateStore, StoredCertificate } from '../ports/certificates.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

/** Start of each file's name. */
export const CERTIFICATE_FILE = 'storefront-certificate';
const HASH_CHARACTERS = 16;
const fileSchema = z.object({
  domain: z.string(),
  directory: z.string(),
  accountKey: z.string(),
  certificate: z.object({ chain: z.string(), key: z.string() }).nullable(),
  failures: z.number().int().nonnegative(),
  notBeforeMs: z.number(),
  problem: z.string().nullable(),
});

/**
 * Each domain and authority has a file of its own, so that a start with another one, or with a typing error, keeps the certificate
 * of the former. A missing or damaged file counts as empty: a new account and certificate then take its place. One that can't be read now fails
 * with the system's error.
 */
export function openCertificateFile(
  folder: string,
  { domain, directory }: Pick<StoredCertificate, 'domain' | 'directory'>,
): CertificateStore {
  const hash = createHash('sha256').update(`${domain}\n${directory}`).digest('hex').slice(0, HASH_CHARACTERS);
  const path = join(folder, `${CERTIFICATE_FILE}-${hash}.json`);
  return {
    read() {
      let text: string;
      try {
        text = readFileSync(path, 'utf8');
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
      try {
        return fileSchema.parse(parseJson(text));
      } catch {
        return null;
      }
    },
    write: (stored) => replacePrivateFile(path, `${JSON.stringify(stored)}\n`),
  };
}
