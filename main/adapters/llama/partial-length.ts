/** Finds the beginning of a mark at the end of a text that is still being written. */

/** Length of the longest end of the text that is the beginning of a mark. */
export function partialLength(text: string, marks: readonly string[]): number {
  let longest = 0;
  for (const mark of marks) {
    for (let length = Math.min(mark.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(mark.slice(0, length))) longest = length;
    }
  }
  return longest;
}
