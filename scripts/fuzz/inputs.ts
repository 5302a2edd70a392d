/**
 * Inputs for the fuzzer: valid messages with a few things changed, which get further into a parser than random bytes, and
 * random bytes.
 */
import fc from 'fast-check';
import { JSON_DEPTH_MAX } from '../../shared/json.ts';

/** Values that parsers have stumbled over. */
const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '__proto__',
  'constructor',
  '../../etc/passwd',
  'x'.repeat(5_000),
  '9'.repeat(400),
  '1e309',
  '-1',
  '0x',
  0,
  -1,
  0.5,
  1e308,
  2 ** 53,
  2 ** 32,
  [],
  {},
  [null],
  nested(JSON_DEPTH_MAX + 6),
  { type: 'object', properties: {} },
];
const ODD_NAMES = ['__proto__', 'constructor', 'toString', '', 'length', 'then', '\u0000'];

function nested(depth: number): unknown {
  let value: unknown = [];
  for (let level = 1; level < depth; level += 1) value = [value];
  return value;
}

type Place = { readonly holder: Record<string, unknown>; readonly name: string };

/** All values inside, in order. */
function placesIn(value: unknown, places: Place[] = []): readonly Place[] {
  if (typeof value !== 'object' || value === null) return places;
  const holder = value as Record<string, unknown>;
  for (const name of Object.keys(holder)) {
    places.push({ holder, name });
    placesIn(holder[name], places);
  }
  return places;
}

const valueChange = fc.record({
  kind: fc.constantFrom('replace', 'remove', 'repeat', 'rename', 'add', 'wrap'),
  place: fc.nat(999),
  odd: fc.constantFrom(...ODD_VALUES),
  other: fc.oneof(
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  ),
  name: fc.constantFrom(...ODD_NAMES),
  times: fc.constantFrom(2, 5, 70, 300),
});
type ValueChange = typeof valueChange extends fc.Arbitrary<infer Value> ? Value : never;

function change(root: { value: unknown }, { kind, place, odd, other, name, times }: ValueChange): void {
  const places = placesIn(root);
  const chosen = places[place % places.length];
  if (chosen === undefined) return;
  const { holder } = chosen;
  const before = holder[chosen.name];
  const replacement = structuredClone(other === undefined ? odd : other);
  if (kind === 'replace') holder[chosen.name] = replacement;
  else if (kind === 'remove' && holder !== (root as object)) delete holder[chosen.name];
  else if (kind === 'repeat') {
    if (typeof before === 'string') holder[chosen.name] = before.slice(0, 500).repeat(times);
    else if (Array.isArray(before) && before.length < 20) {
      holder[chosen.name] = Array.from({ length: Math.min(times, 70) }, () => structuredClone(before)).flat();
    } else holder[chosen.name] = [before, structuredClone(before)];
  } else if (kind === 'rename') {
    define(holder, name, before);
    if (holder !== (root as object)) delete holder[chosen.name];
  } else if (kind === 'add') define(holder, name, replacement);
  else if (kind === 'wrap') holder[chosen.name] = { [name === '__proto__' ? 'a' : name]: before };
}

/** As JSON.parse does it: `__proto__` becomes an ordinary property. */
function define(holder: Record<string, unknown>, name: string, value: unknown): void {
  if (Array.isArray(holder)) holder.push(value);
  else Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

/** JSON values: one of the samples with up to five changes. */
export function oddJson(samples: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc
    .tuple(fc.constantFrom(...samples), fc.array(valueChange, { maxLength: 5 }))
    .map(([sample, changes]) => {
      const root = { value: structuredClone(sample) };
      for (const each of changes) change(root, each);
      return root.value;
    });
}

const byteChange = fc.record({
  kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'repeat', 'swap'),
  at: fc.nat(0xffff),
  length: fc.nat(64),
  bytes: fc.uint8Array({ maxLength: 8 }),
});
type ByteChange = typeof byteChange extends fc.Arbitrary<infer Value> ? Value : never;

function changeBytes(bytes: Buffer, { kind, at, length, bytes: given }: ByteChange): Buffer {
  const from = bytes.length === 0 ? 0 : at % bytes.length;
  const to = Math.min(bytes.length, from + length);
  switch (kind) {
    case 'set': {
      const changed = Buffer.from(bytes);
      changed.set(given.subarray(0, changed.length - from), from);
      return changed;
    }
    case 'flip': {
      const changed = Buffer.from(bytes);
      if (changed.length > 0) changed[from] = (changed[from] ?? 0) ^ (1 << (length % 8));
      return changed;
    }
    case 'cut':
      return length % 4 === 0
        ? bytes.subarray(0, from)
        : Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
    case 'insert':
      return Buffer.concat([bytes.subarray(0, from), given, bytes.subarray(from)]);
    case 'repeat':
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
    case 'swap':
      return Buffer.concat([bytes.subarray(to), bytes.subarray(from, to), bytes.subarray(0, from)]);
  }
}

/** Bytes: one of the samples with up to six changes, or random ones. */
export function oddBytes(samples: readonly (string | Uint8Array)[]): fc.Arbitrary<Buffer> {
  const buffers = samples.map((sample) => Buffer.from(sample as Uint8Array));
  const changed = fc
    .tuple(fc.constantFrom(...buffers), fc.array(byteChange, { maxLength: 6 }))
    .map(([sample, changes]) => changes.reduce(changeBytes, sample));
  const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: random });
}

/** Text: JSON of one of the samples, changed as a value, as bytes, or as both. */
export function oddJsonText(samples: readonly unknown[]): fc.Arbitrary<string> {
  const asText = oddJson(samples).map((value) => JSON.stringify(value) ?? '');
  const texts = samples.map((sample) => JSON.stringify(sample));
  return fc.oneof(
    { weight: 3, arbitrary: asText },
    { weight: 2, arbitrary: oddText(texts) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(asText, byteChange)
        .map(([text, each]) => changeBytes(Buffer.from(text), each).toString()),
    },
  );
}

/** Text: one of the samples with up to six changes of its bytes, or random. */
export function oddText(samples: readonly string[]): fc.Arbitrary<string> {
  return oddBytes(samples).map((bytes) => bytes.toString());
}

/** The bytes in pieces, as a network may deliver them. */
export function inPieces(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<readonly Uint8Array[]> {
  return fc.tuple(bytes, fc.array(fc.nat(2_000), { maxLength: 4 })).map(([whole, cuts]) => {
    const places = [0, ...cuts.map((cut) => cut % (whole.length + 1)), whole.length].sort((a, b) => a - b);
    return places.slice(1).map((end, index) => whole.subarray(places[index], end));
  });
}

/** A body that delivers these pieces and ends. */
export function bodyOf(pieces: readonly Uint8Array[]): ReadableStream<Uint8Array> {
  const left = pieces.values();
  return new ReadableStream({
    pull(controller) {
      const { value, done } = left.next();
      if (done) controller.close();
      else if (value.length > 0) controller.enqueue(value);
      else this.pull?.(controller);
    },
  });
}
