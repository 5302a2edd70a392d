/**
 * Removes secrets, and text that people wrote, from log lines. The names of fields decide first, at any depth; values
 * with harmless names are searched for the shapes of secrets (see secret-shapes.ts).
 */
import { isHash, REDACTED, redactText } from './secret-shapes.ts';

const DEPTH_MAX = 6;
/** Of one object or list, and of one line. */
const ENTRIES_MAX = 50;
const VALUES_MAX = 400;
const CHARACTERS_MAX = 32_000;
/** A shorter list of small numbers isn't taken for the bytes of a key. */
const BYTES_MIN = 16;
const PHRASE_WORDS_MIN = 12;
/** Amounts fit in it; a private key as a number has about 77 digits. */
const BIGINT_DIGITS_MAX = 30;

// Names are compared in lower case and without punctuation: `privateKey` and `private_key` are one name.

const SECRET_NAMES = [
  /^(auth|pin|seed|jwt|jws|sig|signature|signed|voucher|keystore)$/,
  /(keys?|token|cookies?)$/,
  /secret|passw(or)?d|phrase|mnemonic|entropy|authorization|credential|bearer|privatekey/,
];

/** Names of a client's or a model's texts. Counts under these names stay readable. */
const CONTENT_NAMES = [
  /^(prompts?|messages|contents?|answers?|texts?|completions?|body|words?|delta|choices|arguments)$/,
  /^(question|query|input|output|request|response|user|system|assistant)$/,
];

/** End in "key" and hide nothing. */
const PUBLIC_NAMES = /^(publickeys?|postingkey|entrykey)$/;

/** Identifiers of 32 bytes that a reader needs whole. */
const HASH_NAMES = /(hash(es)?|sha256|digest|checksum|transactions?|tx|channels?|channelids?|root|block)$/;

/** The fields of one line as they may be written: JSON-serializable, of bounded size. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return new Redactor().object(fields, 0);
}

/** Name, message, code, details, stack and causes of an error, or of any other thrown value. */
export function describeError(error: unknown): unknown {
  return new Redactor().error(error, 0);
}

/** One line's walk over its values, which ends after a fixed number of them. */
class Redactor {
  #valuesLeft = VALUES_MAX;
  #charactersLeft = CHARACTERS_MAX;

  object(object: object, depth: number): Record<string, unknown> {
    const entries = Object.entries(object);
    const shown = entries.slice(0, ENTRIES_MAX).map(([name, value]) => {
      // A name can be data, too: that of a map's entry.
      return [this.#text(name), this.#field(name, value, depth)];
    });
    const omitted = entries.length - shown.length;
    return { ...Object.fromEntries(shown), ...(omitted > 0 && { omitted }) };
  }

  error(error: unknown, depth: number): unknown {
    if (!(error instanceof Error)) return this.#value(error, false, depth);
    if (depth > DEPTH_MAX) return '[too deep]';
    const { code, details } = error as { code?: unknown; details?: unknown };
    return {
      name: this.#text(String(error.name)),
      message: this.#text(String(error.message)),
      ...(code !== undefined && { code: this.#value(code, false, depth + 1) }),
      ...(details !== undefined && { details: this.#value(details, false, depth + 1) }),
      ...(error.stack !== undefined && { stack: this.#text(String(error.stack)) }),
      ...(error.cause !== undefined && { cause: this.error(error.cause, depth + 1) }),
    };
  }

  #text(text: string): string {
    const redacted = redactText(text).slice(0, Math.max(this.#charactersLeft, 0));
    this.#charactersLeft -= redacted.length;
    return redacted;
  }

  #field(name: string, value: unknown, depth: number): unknown {
    const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
    const isSet = value !== null && value !== undefined && typeof value !== 'boolean';
    if (isSet && !PUBLIC_NAMES.test(plain)) {
      if (SECRET_NAMES.some((names) => names.test(plain))) return REDACTED;
      if (typeof value !== 'number' && CONTENT_NAMES.some((names) => names.test(plain))) return REDACTED;
    }
    return this.#value(value, HASH_NAMES.test(plain), depth);
  }

  #value(value: unknown, mayBeHash: boolean, depth: number): unknown {
    this.#valuesLeft -= 1;
    if (this.#valuesLeft < 0) return '[too many values]';
    switch (typeof value) {
      case 'string':
        return mayBeHash && isHash(value) ? value : this.#text(value);
      case 'number':
        return Number.isFinite(value) ? value : String(value);
      case 'bigint':
        return value.toString().length > BIGINT_DIGITS_MAX ? REDACTED : value.toString();
      case 'boolean':
      case 'undefined':
        return value;
      case 'object':
        return value === null ? null : this.#composite(value, mayBeHash, depth);
      default:
        return `[${typeof value}]`;
    }
  }

  #composite(value: object, mayBeHash: boolean, depth: number): unknown {
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`;
    if (depth >= DEPTH_MAX) return '[too deep]';
    if (value instanceof Error) return this.error(value, depth + 1);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
    if (value instanceof URL) return this.#text(value.href);
    if (value instanceof Map) return this.object(Object.fromEntries(value), depth + 1);
    if (value instanceof Set) return this.#list([...value], mayBeHash, depth);
    if (Array.isArray(value)) return this.#list(value, mayBeHash, depth);
    return this.object(value, depth + 1);
  }

  #list(list: readonly unknown[], mayBeHash: boolean, depth: number): unknown {
    if (list.length >= BYTES_MIN && list.every(isByte)) return `[${list.length} numbers]`;
    if (list.length >= PHRASE_WORDS_MIN && list.every(isPhraseWord)) return REDACTED;
    const shown = list.slice(0, ENTRIES_MAX).map((entry) => this.#value(entry, mayBeHash, depth + 1));
    return list.length > ENTRIES_MAX ? [...shown, `${list.length - ENTRIES_MAX} more`] : shown;
  }
}

function isByte(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255;
}

function isPhraseWord(value: unknown): boolean {
  return typeof value === 'string' && /^[a-z]{3,8}$/i.test(value.trim());
}
