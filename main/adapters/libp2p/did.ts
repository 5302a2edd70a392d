/** Peer IDs as decentralized identifiers (W3C DID) of the method `key`, which contain the public key, too. */
import { peerIdFromString } from '@libp2p/peer-id';
import { base58btc } from 'multiformats/bases/base58';
import { AppError } from '../../../shared/errors.ts';
import type { DidOf } from '../../ports/network.ts';

const PREFIX = 'did:key:';
/** Multicodec of an Ed25519 public key, as a varint. */
const ED25519 = [0xed, 0x01];

/** See {@link DidOf}. */
export const didOf: DidOf = (peer) => {
  const key = publicKeyOf(peer);
  if (key === null) throw new AppError('bad-request', 'The peer has no Ed25519 key.', { details: { peer } });
  return `${PREFIX}${base58btc.encode(Uint8Array.of(...ED25519, ...key))}`;
};

/** Returns the URL of the DID's only key. */
export function didUrlOf(peer: string): string {
  const did = didOf(peer);
  return `${did}#${did.slice(PREFIX.length)}`;
}

function publicKeyOf(peer: string): Uint8Array | null {
  try {
    const { publicKey } = peerIdFromString(peer);
    return publicKey?.type === 'Ed25519' ? publicKey.raw : null;
  } catch {
    return null;
  }
}
