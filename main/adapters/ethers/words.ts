/** The standard English word list of BIP-39: 2,048 words of three to eight letters that are hard to confuse. */
import { wordlists } from 'ethers';
import { forceUnwrap } from '../../../shared/assert.ts';

const WORDS = 2_048;

/** Returns the words in the order of the standard. */
export function bip39Words(): readonly string[] {
  const english = forceUnwrap('ethers has the English word list', wordlists.en);
  return Array.from({ length: WORDS }, (_, index) => english.getWord(index));
}
