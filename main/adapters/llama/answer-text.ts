/**
 * Turns tokens into text that will not change any more: holds back what may begin a stop string and
 * characters of which only some bytes are there.
 */

/** Token ids and the text they make. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: readonly number[];
}

export interface AnswerText {
  /** Takes one token; `piece` is what became certain, `stopped` says that a stop string was met. */
  push(token: number): { piece: TextPiece | null; stopped: boolean };
  /** The rest, at the end of an answer that met no stop string. */
  flush(): TextPiece | null;
}

/** A UTF-8 character has at most four bytes, and a byte-level token at least one of them. */
const TOKENS_PER_CHARACTER_MAX = 4;
const REPLACEMENT = '\uFFFD';

/**
 * `detokenize` gets the tokens to render and the few before them. Tokens wholly inside a stop string are
 * neither delivered nor counted. With the tokens of the prompt that is continued, a first space is kept.
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

  /** The held pieces that begin before `length`, cut there. */
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
      // A token is delivered whole: one that reaches into a possible stop string waits.
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

/** Where the earliest stop string begins; null when there is none. */
function firstStop(text: string, stop: readonly string[]): number | null {
  const starts = stop.map((word) => text.indexOf(word)).filter((start) => start >= 0);
  return starts.length > 0 ? Math.min(...starts) : null;
}

/** Length of the longest end of `text` that a stop string begins with. */
function possibleStop(text: string, stop: readonly string[]): number {
  let longest = 0;
  for (const word of stop) {
    for (let length = Math.min(word.length - 1, text.length); length > longest; length -= 1) {
      if (text.endsWith(word.slice(0, length))) longest = length;
    }
  }
  return longest;
}
