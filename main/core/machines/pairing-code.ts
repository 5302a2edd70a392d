/**
 * Pairing codes: six words of a standard list, 66 bits. A code is the key of a proof that both sides make over the peer
 * IDs of their encrypted connection: someone between them has other peer IDs, so that a proof can't be passed on. A proof
 * says nothing about the code that could be tried out within its life: each try costs one scrypt.
 */
import { createHmac, randomInt, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { AppError } from '../../../shared/errors.ts';
import { PAIRING_WORDS } from '../../../shared/machines.ts';

/** The facts that a proof is bound to. */
export interface PairingFacts {
  /** Peer ID of the side that shows the code. */
  readonly inviter: string;
  readonly joiner: string;
  readonly name: string;
  /** 32 random bytes of the joiner, in hex. */
  readonly nonce: string;
}

const derive = promisify<string, string, number, object, Buffer>(scrypt);
/** 32 MiB and about a tenth of a second for each try. */
const COST = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const KEY_BYTES = 32;
/** Words of the list differ in their first four letters. */
const LETTERS_MIN = 4;

/** Draws a code: words with a space between two. */
export function newCode(words: readonly string[], draw: (max: number) => number = randomInt): string {
  return Array.from({ length: PAIRING_WORDS }, () => words[draw(words.length)]).join(' ');
}

/**
 * Returns the code as it was drawn: case and separators don't count, and four letters of a word are enough. Fails with
 * `bad-request` for another number of words and for words that are not in the list.
 */
export function readCode(text: string, words: readonly string[]): string {
  const given = text
    .normalize('NFKD')
    .toLowerCase()
    .split(/[^a-z]+/)
    .filter((word) => word !== '');
  if (given.length !== PAIRING_WORDS) {
    throw new AppError('bad-request', `A code has ${PAIRING_WORDS} words, not ${given.length}.`);
  }
  return given.map((word, index) => wordOf(word, index, words)).join(' ');
}

function wordOf(given: string, index: number, words: readonly string[]): string {
  const found = words.find(
    (word) => word === given || (given.length >= LETTERS_MIN && word.startsWith(given)),
  );
  // The word itself may be half of a secret.
  if (found === undefined) {
    throw new AppError('bad-request', `Word ${index + 1} is not in the list of words.`);
  }
  return found;
}

/** Derives the key of the proofs. The inviter's peer ID, which is new for each code, keeps keys from being computed ahead. */
export function pairingKey(code: string, inviter: string): Promise<Buffer> {
  return derive(code, `idlewatt pairing 1 ${inviter}`, KEY_BYTES, COST);
}

/** Returns the proof of one side, in hex. */
export function proofOf(key: Buffer, side: 'inviter' | 'joiner', facts: PairingFacts): string {
  const { inviter, joiner, name, nonce } = facts;
  return createHmac('sha256', key)
    .update(JSON.stringify(['idlewatt pairing 1', side, inviter, joiner, name, nonce]))
    .digest('hex');
}

export function isProof(given: string, expected: string): boolean {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)];
  return left.length === right.length && timingSafeEqual(left, right);
}
