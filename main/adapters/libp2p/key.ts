/** This machine's Ed25519 peer key: stored in the data folder, never replaced silently, signs compact JWS. */
import {
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign as signBytes,
  verify as verifySignature,
} from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { generateKeyPair, privateKeyFromProtobuf, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id';
import { CompactSign, compactVerify, importJWK } from 'jose';
import { AppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import type { PeerKey, VerifySigned } from '../../ports/network.ts';
import { didOf, didUrlOf } from './did.ts';

const KEY_FILE = 'peer.key';
/** Holds the peer ID, so that a lost key is detected. Public. */
const NAME_FILE = 'peer.id';
export const MESSAGE_BYTES_MAX = 64 * 1024;

/**
 * Reads the key from the folder, or creates it on the very first run. Fails with `keystore-missing` if the folder has a
 * peer ID whose key is missing, damaged or a different one.
 */
export async function loadPeerKey(folder: string): Promise<Ed25519PrivateKey> {
  const keyPath = join(folder, KEY_FILE);
  const namePath = join(folder, NAME_FILE);
  const known = existsSync(namePath) ? readFileSync(namePath, 'utf8').trim() : null;
  if (!existsSync(keyPath)) {
    if (known !== null) throw missing(known, keyPath);
    const made = await makePeerKey();
    writeWhole(keyPath, privateKeyToProtobuf(made), 0o600);
    writeWhole(namePath, `${peerIdFromPrivateKey(made)}\n`, 0o644);
    return made;
  }
  const key = readKey(keyPath, known);
  chmodSync(keyPath, 0o600);
  const peer = peerIdFromPrivateKey(key).toString();
  if (known === null) writeWhole(namePath, `${peer}\n`, 0o644);
  else if (known !== peer) throw missing(known, keyPath);
  return key;
}

/** Makes a key that takes the place of the one in the folder once it is stored with {@link replacePeerKey}. */
export function makePeerKey(): Promise<Ed25519PrivateKey> {
  return generateKeyPair('Ed25519');
}

/** Stores another key instead of the one in the folder, which is lost. A crash leaves one of the two. */
export function replacePeerKey(folder: string, next: Ed25519PrivateKey): void {
  // Without a name, either key is accepted.
  rmSync(join(folder, NAME_FILE), { force: true });
  writeWhole(join(folder, KEY_FILE), privateKeyToProtobuf(next), 0o600);
  writeWhole(join(folder, NAME_FILE), `${peerIdFromPrivateKey(next)}\n`, 0o644);
}

function readKey(keyPath: string, known: string | null): Ed25519PrivateKey {
  let cause: unknown;
  try {
    const key = privateKeyFromProtobuf(readFileSync(keyPath));
    if (key.type === 'Ed25519') return key;
  } catch (error) {
    cause = error;
  }
  throw missing(known, keyPath, cause);
}

function missing(known: string | null, keyPath: string, cause?: unknown): AppError {
  return new AppError(
    'keystore-missing',
    `This peer’s key is missing or damaged. Restore ${KEY_FILE} from a backup, or delete ${NAME_FILE} to become a new peer.`,
    { cause, details: { peer: known, path: keyPath } },
  );
}

/** Replaces the file atomically: even after a power cut it is the old one or the complete new one. */
function writeWhole(path: string, content: Uint8Array | string, mode: number): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, content, { mode, flush: true });
  renameSync(temporary, path);
}

/** The signing side of a peer key. */
export async function createPeerKey(privateKey: Ed25519PrivateKey): Promise<PeerKey> {
  const peer = peerIdFromPrivateKey(privateKey).toString();
  const signingKey = await importJWK(jwkOf(privateKey), 'EdDSA');
  const signWith = (header: { readonly kid: string; readonly typ?: string }, payload: object) =>
    new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'EdDSA', ...header })
      .sign(signingKey);
  return {
    peer,
    did: didOf(peer),
    sign: (payload) => signWith({ kid: peer }, payload),
    signCredential: (claims) => signWith({ kid: didUrlOf(peer), typ: 'JWT' }, claims),
  };
}

/** See {@link VerifySigned}. The peer ID contains the public key, so no look-up is needed. */
export const verifySigned: VerifySigned = (jws, peer) => verify(jws, peer, null);

/**
 * Like {@link verifySigned}, in less than half the time for what this machine has signed: an Ed25519 key signs the same
 * bytes always alike, so they are signed again and compared. Where they differ, and where the key in this folder is
 * missing or another one, the signature is checked as usual. Changes nothing in the folder.
 */
export function verifierWithOwnKey(folder: string): VerifySigned {
  const own = readOwnKey(folder);
  return (jws, peer) => verify(jws, peer, own?.peer === peer ? own.key : null);
}

async function verify(jws: string, peer: string, own: KeyObject | null): Promise<unknown> {
  try {
    if (jws.length > MESSAGE_BYTES_MAX) throw new Error('the message is too long');
    return parseJson(new TextDecoder().decode(await payloadOf(jws, peer, own)));
  } catch (cause) {
    throw new AppError('bad-request', 'The signature is invalid.', { cause, details: { peer } });
  }
}

/** Returns what the peer signed. Throws if it didn't. */
async function payloadOf(jws: string, peer: string, own: KeyObject | null): Promise<Uint8Array> {
  const key = publicKeyOf(peer);
  const end = jws.length - SIGNATURE_CHARACTERS - 1;
  const payload = jws.slice(key.start.length, end);
  const signatureText = jws.slice(end + 1);
  const isUsual =
    jws.startsWith(key.start) && jws[end] === '.' && isBase64Url(payload) && isBase64Url(signatureText);
  if (!isUsual) {
    const { payload: read, protectedHeader } = await compactVerify(jws, key.object, {
      algorithms: ['EdDSA'],
    });
    if (![peer, didUrlOf(peer)].includes(protectedHeader.kid ?? ''))
      throw new Error('another peer signed it');
    return read;
  }
  const signed = Buffer.from(jws.slice(0, end), 'latin1');
  const signature = Buffer.from(signatureText, 'base64url');
  const isOwn = own !== null && signature.equals(await signInPool(null, signed, own));
  if (!isOwn && !(await verifyInPool(null, signed, key.object, signature))) {
    throw new Error('another key signed it');
  }
  return Buffer.from(payload, 'base64url');
}

const SIGNATURE_CHARACTERS = 86;

function isBase64Url(text: string): boolean {
  return text.length > 0 && !/[^\w-]/.test(text);
}

const verifyInPool = promisify<null, Buffer, KeyObject, Buffer, boolean>(verifySignature);
const signInPool = promisify<null, Buffer, KeyObject, Buffer>(signBytes);

/** Returns the key of this folder with its peer ID; null if there is none that can be read. */
function readOwnKey(folder: string): { readonly peer: string; readonly key: KeyObject } | null {
  let key: Ed25519PrivateKey;
  try {
    key = readKey(join(folder, KEY_FILE), null);
  } catch {
    return null;
  }
  return {
    peer: peerIdFromPrivateKey(key).toString(),
    key: createPrivateKey({ format: 'jwk', key: jwkOf(key) }),
  };
}

function jwkOf(key: Ed25519PrivateKey) {
  return {
    kty: 'OKP',
    crv: 'Ed25519',
    d: base64url(key.raw.subarray(0, 32)),
    x: base64url(key.publicKey.raw),
  };
}

interface PublicKey {
  readonly object: KeyObject;
  /**
   * The start of a message whose header is byte for byte the one that {@link createPeerKey} writes. Its signature is
   * checked without a JWS library, in half the time: a verification of the ledger does this for each receipt.
   */
  readonly start: string;
}

/** Keys by their peer ID, the newest last; to read one from its ID takes as long as to check a signature. */
const publicKeys = new Map<string, PublicKey>();
const PUBLIC_KEYS_MAX = 256;

function publicKeyOf(peer: string): PublicKey {
  const known = publicKeys.get(peer);
  if (known !== undefined) return known;
  const publicKey = peerIdFromString(peer).publicKey;
  if (publicKey?.type !== 'Ed25519') throw new Error('not an Ed25519 peer');
  const x = base64url(publicKey.raw);
  const header = base64url(Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: peer })));
  const key = {
    object: createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } }),
    start: `${header}.`,
  };
  publicKeys.set(peer, key);
  const [oldest] = publicKeys.keys();
  if (publicKeys.size > PUBLIC_KEYS_MAX && oldest !== undefined) publicKeys.delete(oldest);
  return key;
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
