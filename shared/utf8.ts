/** UTF-8 bytes of texts, without Node or a browser. */

/** Number of bytes. */
export function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** The bytes of a short text. */
export function utf8Bytes(text: string): number[] {
  return [...text].flatMap((character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x80) return [code];
    const rest = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    const lead = [0, 0xc0, 0xe0, 0xf0][rest] ?? 0;
    const tail = Array.from(
      { length: rest },
      (_, index) => 0x80 | ((code >> (6 * (rest - 1 - index))) & 0x3f),
    );
    return [lead | (code >> (6 * rest)), ...tail];
  });
}
