/**
 * Turns the parameters of a call that a model writes as XML, as Qwen3-Coder does, into the text of a JSON object, as they
 * stream: `<parameter=city>\nBonn\n</parameter>` becomes `"city": "Bonn"`.
 */
import { partialLength } from './partial-length.ts';

const MARKS = { key: '<parameter=', endKey: '>', endValue: '</parameter>', end: '</function>' } as const;
/** A value ends with a line break that belongs to the format. */
const VALUE_ENDS = [`\n${MARKS.endValue}`, MARKS.endValue];
/** A name that isn't complete within so many characters is none. */
const KEY_CHARACTERS_MAX = 200;
/** A number or a word; what is longer is text. */
const WORD_CHARACTERS_MAX = 200;
/** JSON's words, and Python's, which models write too. */
const WORDS: Readonly<Record<string, string>> = { True: 'true', False: 'false', None: 'null' };

/** `text` and `json` stream; a `word` is decided when it is complete. */
type ValueKind = 'text' | 'json' | 'word';

/** So many characters were read, and became this text of the arguments. */
export interface ReadXml {
  readonly length: number;
  readonly written: string;
}

export class XmlParameters {
  readonly #isText: (key: string) => boolean;
  #value: { readonly kind: ValueKind | null; readonly hasBegun: boolean } | null = null;
  #count = 0;
  isComplete = false;

  /** `isText` returns true if a parameter's schema allows text only: then it is text whatever it looks like. */
  constructor(isText: (key: string) => boolean) {
    this.#isText = isText;
  }

  /** Reads the next part; null if it needs more text. */
  read(rest: string): ReadXml | null {
    if (this.#value === null) return this.#readBetween(rest);
    // The line break after the mark belongs to the format.
    if (!this.#value.hasBegun) return this.#beginValue(rest);
    if (this.#value.kind === null) return this.#chooseKind(rest);
    return this.#value.kind === 'word' ? this.#readWord(rest) : this.#readStream(rest, this.#value.kind);
  }

  /** Returns what is left when the answer breaks off. */
  end(rest: string): string {
    if (this.#value === null) return '';
    const value = rest.slice(0, rest.length - partialLength(rest, VALUE_ENDS));
    return this.#value.kind === 'text' ? escaped(value) : value.trim();
  }

  #readBetween(rest: string): ReadXml | null {
    const space = /^\s+/.exec(rest)?.[0].length ?? 0;
    if (space > 0) return { length: space, written: '' };
    if (rest.startsWith(MARKS.end)) {
      this.isComplete = true;
      return { length: MARKS.end.length, written: this.#count === 0 ? '{}' : '}' };
    }
    if (rest.startsWith(MARKS.key)) return this.#readKey(rest);
    const mayBecomeMark = [MARKS.key, MARKS.end].some((mark) => mark.startsWith(rest));
    // Anything else has no place here.
    return mayBecomeMark ? null : { length: nextMark(rest), written: '' };
  }

  #readKey(rest: string): ReadXml | null {
    const end = rest.indexOf(MARKS.endKey);
    if (end < 0 && rest.length < KEY_CHARACTERS_MAX) return null;
    if (end < 0 || end > KEY_CHARACTERS_MAX) return { length: MARKS.key.length, written: '' };
    const key = rest.slice(MARKS.key.length, end).trim();
    const isText = this.#isText(key);
    this.#value = { kind: isText ? 'text' : null, hasBegun: false };
    this.#count += 1;
    const opening = `${this.#count === 1 ? '{' : ', '}${JSON.stringify(key)}: ${isText ? '"' : ''}`;
    return { length: end + MARKS.endKey.length, written: opening };
  }

  #beginValue(rest: string): ReadXml {
    this.#value = { kind: this.#value?.kind ?? null, hasBegun: true };
    return { length: rest.startsWith('\n') ? 1 : 0, written: '' };
  }

  #chooseKind(rest: string): ReadXml {
    const begun = rest.trimStart();
    const kind = begun === '' ? null : /^[[{]/.test(begun) ? 'json' : 'word';
    this.#value = { kind, hasBegun: true };
    return { length: rest.length - begun.length, written: '' };
  }

  #readStream(rest: string, kind: 'text' | 'json'): ReadXml | null {
    const write = kind === 'text' ? escaped : (text: string) => text;
    const end = rest.indexOf(MARKS.endValue);
    if (end < 0) {
      const length = rest.length - partialLength(rest, VALUE_ENDS);
      return length === 0 ? null : { length, written: write(rest.slice(0, length)) };
    }
    this.#value = null;
    const value = rest.slice(0, end).replace(/\n$/, '');
    return { length: end + MARKS.endValue.length, written: write(value) + (kind === 'text' ? '"' : '') };
  }

  #readWord(rest: string): ReadXml | null {
    const end = rest.indexOf(MARKS.endValue);
    const word = (end < 0 ? rest : rest.slice(0, end)).trim();
    if (word.length > WORD_CHARACTERS_MAX) {
      this.#value = { kind: 'text', hasBegun: true };
      return { length: 0, written: '"' };
    }
    if (end < 0) return null;
    this.#value = null;
    return { length: end + MARKS.endValue.length, written: jsonWord(word) };
  }
}

/** A word, a number or a quoted text as JSON; anything else is text. */
function jsonWord(word: string): string {
  const known = WORDS[word];
  if (known !== undefined) return known;
  try {
    return JSON.stringify(JSON.parse(word));
  } catch {
    return JSON.stringify(word);
  }
}

/** Length of what can't be part of a mark. */
function nextMark(rest: string): number {
  const next = rest.indexOf('<', 1);
  return next < 0 ? rest.length : next;
}

function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
