/** The characters that the fonts of every PDF reader have (Windows-1252). */

const BEYOND_LATIN_1 = '€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ';

/** Replaces all others by a question mark, and control characters by a space. */
export function winAnsi(text: string): string {
  return [...text.normalize('NFC')]
    .map((character) => {
      if (/\p{Cc}/u.test(character)) return ' ';
      return character <= '\xff' || BEYOND_LATIN_1.includes(character) ? character : '?';
    })
    .join('');
}
