/** Makes and signs the update feed (shared/updates.ts). */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CompactSign, importJWK } from 'jose';
import { z } from 'zod';
import {
  UPDATE_JWS_TYPE,
  type UpdateFeed,
  type UpdateFile,
  type UpdateKey,
  updateFeedSchema,
} from '../../shared/updates.ts';

/** A private key of the feed. */
export const privateKeySchema = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  kid: z.string().min(1).max(60),
  x: z.string(),
  d: z.string(),
});
export type PrivateUpdateKey = z.infer<typeof privateKeySchema>;

/** Names as electron-builder writes them, e.g. `idlewatt-1.2.3-linux-x86_64.AppImage`. */
const PACKAGE_NAME =
  /^idlewatt-(\d+\.\d+\.\d+)-(?:linux|win|mac)-(x64|x86_64|amd64|arm64|aarch64)\.(AppImage|deb|rpm|exe|dmg)$/;
const KINDS = { AppImage: 'appimage', deb: 'deb', rpm: 'rpm', exe: 'nsis', dmg: 'dmg' } as const;

export function makeUpdateKey(id: string): PrivateUpdateKey {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  return privateKeySchema.parse({ kty: jwk.kty, crv: jwk.crv, kid: id, x: jwk.x, d: jwk.d });
}

export function publicPart({ kid, x }: PrivateUpdateKey): UpdateKey {
  return { id: kid, x };
}

/** Finds the packages of a version in a folder; other files are left out. */
export function packagesIn(folder: string, version: string): UpdateFile[] {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const [, of, arch, ending] = PACKAGE_NAME.exec(name) ?? [];
      if (of !== version || arch === undefined || ending === undefined) return [];
      const content = readFileSync(join(folder, name));
      return [
        {
          kind: KINDS[ending as keyof typeof KINDS],
          arch: arch === 'arm64' || arch === 'aarch64' ? ('arm64' as const) : ('x64' as const),
          name,
          bytes: content.length,
          sha512: createHash('sha512').update(content).digest('hex'),
        },
      ];
    });
}

/** Returns the feed as a compact JWS. Throws if it doesn't have the format. */
export async function signFeed(feed: UpdateFeed, { kid, ...key }: PrivateUpdateKey): Promise<string> {
  const payload = new TextEncoder().encode(JSON.stringify(updateFeedSchema.parse(feed)));
  return new CompactSign(payload)
    .setProtectedHeader({ alg: 'EdDSA', typ: UPDATE_JWS_TYPE, kid })
    .sign(await importJWK(key, 'EdDSA'));
}
