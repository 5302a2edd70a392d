/**
 * Turns tokens into final text: holds back text that may be the beginning of a stop string, and characters of which
 * only some bytes have arrived.
 */

/** Token IDs and their text. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: readonly number[];
}

export interface AnswerText {
  /** Adds one token. `piece` is the text that became final; `stopped` is true if a stop string was found. */
  push(token: number): { piece: TextPiece | null; stopped: boolean };
  /** Returns the rest at the end of a response without a stop string. */
  flush(): TextPiece | null;
}

/** A UTF-8 character has at most four bytes, and a byte-level token holds at least one. */
const TOKENS_PER_CHARACTER_MAX = 4;
const REPLACEMENT = '\uFFFD';

/**
 * `detokenize` receives the tokens to render and the few tokens before them. Tokens that lie completely inside a stop
 * string are neither delivered nor counted. Passing the tokens of a continued prompt preserves a leading space.
 */
export function createAnswerText(
  stop: readonly string[],
  detokenize: (tokens: readonly number[], before: readonly number[]) => string,
  prompt: readonly number[] = [],
): AnswerText {
  let incomplete: number[] = [];
  let before = prompt.slice(-TOKENS_PER_CHARACTER_MAX);
  let held: TextPiece[] = [];

  function decode(): void {
    held.push({ text: detokenize(incomplete, before), tokens: incomplete });
    before = [...before, ...incomplete].slice(-TOKENS_PER_CHARACTER_MAX);
    incomplete = [];
  }

  /** Removes and returns the held pieces that begin before `length`, with the text cut there. */
  function take(length: number): TextPiece | null {
    const text = joined(held).slice(0, length);
    const tokens: number[] = [];
    const rest: TextPiece[] = [];
    let position = 0;
    for (const piece of held) {
      if (position < length || (piece.text === '' && rest.length === 0)) tokens.push(...piece.tokens);
      else rest.push(piece);
      position += piece.text.length;
    }
    held = rest;
    return tokens.length > 0 ? { text, tokens } : null;
  }

  return {
    push(token) {
      incomplete.push(token);
      const unfinished = detokenize(incomplete, before).endsWith(REPLACEMENT);
      if (unfinished && incomplete.length < TOKENS_PER_CHARACTER_MAX) return { piece: null, stopped: false };
      decode();
      const text = joined(held);
      const found = firstStop(text, stop);
      if (found !== null) return { piece: take(found), stopped: true };
      const certain = text.length - possibleStop(text, stop);
      // Tokens are delivered whole: one that reaches into a possible stop string is held back.
      let whole = 0;
      for (const piece of held) {
        if (whole + piece.text.length > certain) break;
        whole += piece.text.length;
      }
      return { piece: take(whole), stopped: false };
    },
    flush() {
      if (incomplete.length > 0) decode();
      return take(Number.POSITIVE_INFINITY);
    },
  };
}

function joined(pieces: readonly TextPiece[]): string {
  return pieces.map((piece) => piece.text).join('');
}

/** Returns the start of the earliest stop string; null if there is none. */
function firstStop(text: string, stop: readonly string[]): number | null {
  const starts = stop.map((word) => text.indexOf(word)).filter((start) => start >= 0);
  return starts.length > 0 ? Math.min(...starts) : null;
}

/** Returns the length of the longest suffix of `text` that is a prefix of a stop string. */
function possibleStop(text: string, stop: readonly string[]): number {
  let longest = 0;
  for (const word of stop) {
    for (let length = Math.min(word.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(word.slice(0, length))) longest = length;
    }
  }
  return longest;
}
