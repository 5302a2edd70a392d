/**
 * Hides secrets in free text by their shape: the second net, for messages, stacks and fields with harmless names.
 * In doubt it hides; a value that a reader needs unchanged goes into a field of its own (see redaction.ts).
 */

export const REDACTED = '[redacted]';

/** Longer texts are cut: a log line explains, it doesn't archive. */
const TEXT_CHARACTERS_MAX = 4_000;
/** Searched for secrets before that cut, so that replacements cost a bounded time. */
const SEARCHED_CHARACTERS_MAX = 16_000;
/** Dropped at the point where the search ended: a secret may begin there. */
const EDGE_CHARACTERS = 1_000;

const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*-----[\s\S]*?(-----END [A-Z ]*-----|$)/g, REDACTED],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${REDACTED}`],
  // Signed texts (JWS, JWT) in compact form.
  [/\bey[\w-]{8,}\.[\w-]+\.[\w-]*/g, REDACTED],
  // `name=value` and `"name": "value"`; a passphrase without quotes may have spaces.
  [/(?<![\w-])([\w-]*(?:token|key|secret|password|phrase)["']?\s*[=:]\s*)(["'])[^\n]*?\2/gi, `$1${REDACTED}`],
  [/(?<![\w-])([\w-]*(?:password|phrase)\s*[=:]\s*)(?!\[redacted)[^\n]+/gi, `$1${REDACTED}`],
  [/(?<![\w-])([\w-]*(?:token|key|secret)\s*[=:]\s*)(?!\[redacted)[^\s"'&,;}]+/gi, `$1${REDACTED}`],
  [/(:\/\/)[^\s/@:]+(:[^\s/@]*)?@/g, `$1${REDACTED}@`],
  // V8 quotes a text that isn't JSON, and that text may be a prompt or an answer.
  [/(\.\.\.)?"[\s\S]{0,120}?"(\.\.\.)? is not valid JSON/g, `${REDACTED} is not valid JSON`],
  // A dozen short words in a row, however separated or numbered: BIP-39 words have 3 to 8 letters.
  [/(?<![a-z])[a-z]{3,8}(?:[^a-z]{1,6}[a-z]{3,8}){11,}(?![a-z])/gi, REDACTED],
  // 32 bytes in base64: 43 characters of mixed case with digits.
  [/(?<![\w+/=-])(?=[\w+/-]*[a-z])(?=[\w+/-]*[A-Z])(?=[\w+/-]*\d)[\w+/-]{43}=?(?![\w+/=-])/g, REDACTED],
  // 16 or more numbers in a row, as bytes are printed.
  [/\b\d{1,3}(?:,\s?\d{1,3}){15,}\b/g, REDACTED],
];

/** The text as it may be written, at most about 4,000 characters of it. */
export function redactText(text: string): string {
  const isSearchedInPart = text.length > SEARCHED_CHARACTERS_MAX;
  const hidden = hideShapes(hideHex(isSearchedInPart ? text.slice(0, SEARCHED_CHARACTERS_MAX) : text));
  const safe = isSearchedInPart ? hidden.slice(0, -EDGE_CHARACTERS) : hidden;
  if (!isSearchedInPart && safe.length <= TEXT_CHARACTERS_MAX) return safe;
  return `${safe.slice(0, TEXT_CHARACTERS_MAX)} … (cut; ${text.length} characters)`;
}

/** Exactly one 32-byte value in hex, with or without 0x, as transactions, channels and checksums have. */
export function isHash(text: string): boolean {
  return /^(0x)?[0-9a-f]{64}$/i.test(text);
}

function hideShapes(text: string): string {
  return SHAPES.reduce((hidden, [shape, replacement]) => hidden.replace(shape, replacement), text);
}

/** Keys, tokens and seeds have 16 bytes or more; of such values only an address (0x and 40 digits) is public. */
function hideHex(text: string): string {
  return text.replace(/(0x)?[0-9a-f]{32,}/gi, (hex) => (/^0x[0-9a-f]{40}$/i.test(hex) ? hex : REDACTED));
}
