/** Stores the peers that this machine's owner used before, next to the peer's key. All of it is public. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../../shared/errors.ts';
import type { FormerPeer } from '../../shared/identity.ts';
import { leadingTo, readFormerPeers } from '../core/identity/index.ts';
import { replacePrivateFile } from '../ports/private-file.ts';

const FILE = 'former-peers.json';

/** Returns all of them, oldest first. Fails with `keystore-missing` if the file is damaged. */
export function storedFormerPeers(folder: string): readonly FormerPeer[] {
  const path = join(folder, FILE);
  if (!existsSync(path)) return [];
  const read = readFormerPeers(readFileSync(path, 'utf8'));
  if (read !== null) return read;
  throw new AppError('keystore-missing', `${path} is damaged. Restore it from a backup or delete it.`, {
    details: { path },
  });
}

/** Returns those that an offer of this peer names. */
export function ownFormerPeers(folder: string, peer: string): readonly FormerPeer[] {
  return leadingTo(storedFormerPeers(folder), peer);
}

/** Adds one at the end. */
export function addFormerPeer(folder: string, former: FormerPeer): void {
  const all = [...storedFormerPeers(folder), former];
  replacePrivateFile(join(folder, FILE), `${JSON.stringify(all, null, 2)}\n`);
}
