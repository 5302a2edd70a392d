/** The rule for passphrases that the owner chooses: who finds the key file can try billions of them. */

/** Characters. The key file's scrypt makes each guess slow; a shorter passphrase is still found within days. */
export const PASSPHRASE_LENGTH_MIN = 12;
/** Different characters. Repeating a few of them adds length, but no strength. */
const DISTINCT_MIN = 5;
/** Neighbors that may follow each other by one, as in `abcdef` or `654321`, as a share of all neighbors. */
const SEQUENCE_SHARE_MAX = 0.5;

export type PassphraseWeakness = 'short' | 'repetitive';

/** Returns why a new passphrase is too weak; null if it isn't. */
export function passphraseWeakness(passphrase: string): PassphraseWeakness | null {
  const characters = [...passphrase.trim()];
  if (characters.length < PASSPHRASE_LENGTH_MIN) return 'short';
  if (new Set(characters.map((character) => character.toLowerCase())).size < DISTINCT_MIN)
    return 'repetitive';
  return isSequence(characters) ? 'repetitive' : null;
}

function isSequence(characters: readonly string[]): boolean {
  const codes = characters.map((character) => character.codePointAt(0) ?? 0);
  const steps = codes.slice(1).filter((code, index) => Math.abs(code - (codes[index] ?? 0)) === 1).length;
  return steps / (codes.length - 1) > SEQUENCE_SHARE_MAX;
}
