/** Parses JSON of strangers: nesting is limited before anything reads it, since most code that walks JSON recurses. */

/** Levels of arrays and objects. The deepest messages in use, tools with JSON schemas, have about 20. */
export const JSON_DEPTH_MAX = 64;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{`, `]` and `}` differ in this bit only. */
const BRACE_BIT = 0x20;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** Returns whether the text nests deeper than {@link JSON_DEPTH_MAX}; brackets in strings don't count. Never recurses. */
export function isDeepJson(text: string): boolean {
  if (opens(text, '{') + opens(text, '[') <= JSON_DEPTH_MAX) return false;
  let depth = 0;
  let isString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (isString) {
      if (code === BACKSLASH) index += 1;
      else if (code === QUOTE) isString = false;
    } else if (code === QUOTE) isString = true;
    else if ((code & ~BRACE_BIT) === OPEN) {
      depth += 1;
      if (depth > JSON_DEPTH_MAX) return true;
    } else if ((code & ~BRACE_BIT) === CLOSE) depth -= 1;
  }
  return false;
}

/** Counts a character, in a small part of the time that a look at each one takes; stops above the limit. */
function opens(text: string, brace: string): number {
  let count = 0;
  for (let at = text.indexOf(brace); at >= 0 && count <= JSON_DEPTH_MAX; at = text.indexOf(brace, at + 1)) {
    count += 1;
  }
  return count;
}

/** Parses text that nests at most {@link JSON_DEPTH_MAX} levels deep. Throws a SyntaxError for any other text. */
export function parseJson(text: string): unknown {
  if (isDeepJson(text)) throw new SyntaxError(`JSON nests deeper than ${JSON_DEPTH_MAX} levels.`);
  return JSON.parse(text);
}
