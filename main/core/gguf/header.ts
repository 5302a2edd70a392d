/**
 * Reads the header of a GGUF file: the architecture's parameters, and the name, shape and type of each tensor.
 * The file comes from the network, so every length is checked against a limit before it is used, and nothing but the
 * header is read.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { AppError } from '../../../shared/errors.ts';
import { BLOCKS, type TensorType, tensorBytes, tensorType } from './tensor-types.ts';

export interface TensorInfo {
  readonly name: string;
  /** Fastest-running dimension first: inputs, then outputs. */
  readonly shape: readonly number[];
  /** Null for an unknown type. */
  readonly type: TensorType | null;
}

export interface GgufHeader {
  /** Scalar metadata: numbers, booleans and short texts. Arrays are skipped. */
  readonly values: ReadonlyMap<string, number | string | boolean>;
  /** Bytes of each text that is too long to keep, such as a chat template. */
  readonly longTexts: ReadonlyMap<string, number>;
  readonly tensors: readonly TensorInfo[];
  /** Least bytes of a complete file: up to the end of its last tensor, as far as the types' sizes are known. */
  readonly fileBytesMin: number;
}

/** The largest vocabularies in use (about 260,000 tokens with their merges) take about 16 MB. */
export const HEADER_BYTES_MAX = 64 * 2 ** 20;
const FIRST_READ_BYTES = 2 ** 20;
const VALUES_MAX = 4_096;
const TENSORS_MAX = 65_536;
const ARRAY_MAX = 2 ** 22;
const NAME_BYTES_MAX = 1_024;
/** Longer texts (a chat template) are skipped. */
const TEXT_BYTES_KEPT = 1_024;
const DIMENSIONS_MAX = 4;
const DIMENSION_MAX = 2 ** 32;
/** Position of a tensor's data; 1,024 TB. */
const OFFSET_MAX = 2 ** 50;
/** Of the data, where the file names none. */
const ALIGNMENT_BYTES_USUAL = 32;

/** Bytes of each value type by its number; 8 (a string) and 9 (an array) have no fixed length. */
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const STRING = 8;
const ARRAY = 9;

/** The header continues beyond the available bytes. Never leaves this file. */
class HeaderIncomplete extends Error {}

/** Fails with `model-unavailable` if the file is not a readable GGUF file. */
export async function readGgufHeader(path: string): Promise<GgufHeader> {
  const file = await open(path).catch((cause: unknown) => {
    throw new AppError('model-unavailable', 'The model file could not be opened.', {
      cause,
      details: { reason: 'unreadable' },
    });
  });
  try {
    const { size } = await file.stat();
    for (let length = FIRST_READ_BYTES; ; length *= 4) {
      const bytes = await readStart(file, Math.min(length, size, HEADER_BYTES_MAX));
      try {
        return parse(bytes);
      } catch (error) {
        if (!(error instanceof HeaderIncomplete)) throw error;
        if (bytes.length >= Math.min(size, HEADER_BYTES_MAX)) throw refused('the header is incomplete');
      }
    }
  } finally {
    await file.close();
  }
}

/** Parses the header at the start of `bytes`. Fails with `model-unavailable` only. */
export function parseGgufHeader(bytes: Buffer): GgufHeader {
  const header = parseGgufStart(bytes);
  if (header === null) throw refused('the header is incomplete');
  return header;
}

/** Parses the header at the start of `bytes`; null if it continues beyond them. Fails as {@link parseGgufHeader}. */
export function parseGgufStart(bytes: Buffer): GgufHeader | null {
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof HeaderIncomplete) return null;
    throw error;
  }
}

async function readStart(file: FileHandle, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, 0);
  return bytes.subarray(0, bytesRead);
}

function parse(bytes: Buffer): GgufHeader {
  const cursor = createCursor(bytes);
  if (cursor.take(4).toString('latin1') !== 'GGUF') throw refused('it does not begin with GGUF', 'no-gguf');
  const version = cursor.uint32();
  if (version !== 2 && version !== 3) throw refused('its version is not supported');
  const tensorCount = cursor.uint64(TENSORS_MAX);
  const valueCount = cursor.uint64(VALUES_MAX);
  const values = new Map<string, number | string | boolean>();
  const longTexts = new Map<string, number>();
  for (let index = 0; index < valueCount; index++) {
    const key = cursor.text(NAME_BYTES_MAX);
    const value = readValue(cursor, cursor.uint32());
    if (value instanceof LongText) longTexts.set(key, value.bytes);
    else if (value !== null) values.set(key, value);
  }
  const tensors: TensorInfo[] = [];
  let dataBytes = 0;
  for (let index = 0; index < tensorCount; index++) {
    const name = cursor.text(NAME_BYTES_MAX);
    const dimensions = cursor.uint32();
    if (dimensions > DIMENSIONS_MAX) throw refused('a tensor has too many dimensions');
    const shape = Array.from({ length: dimensions }, () => cursor.uint64(DIMENSION_MAX));
    const type = tensorType(cursor.uint32());
    const offset = cursor.uint64(OFFSET_MAX);
    tensors.push({ name, shape, type });
    dataBytes = Math.max(dataBytes, offset + knownBytes(type, shape));
  }
  const alignment = Number(values.get('general.alignment')) || ALIGNMENT_BYTES_USUAL;
  const fileBytesMin = Math.ceil(cursor.position() / alignment) * alignment + dataBytes;
  return { values, longTexts, tensors, fileBytesMin };
}

/** Returns 0 for a tensor whose size isn't known. */
function knownBytes(type: TensorType | null, shape: readonly number[]): number {
  return type === null || (shape[0] ?? 0) % BLOCKS[type].weights !== 0 ? 0 : tensorBytes(type, shape);
}

/** Placeholder for a text that is skipped. */
class LongText {
  readonly bytes: number;

  constructor(bytes: number) {
    this.bytes = bytes;
  }
}

/** Returns null for a value that is skipped. */
function readValue(cursor: Cursor, type: number): number | string | boolean | LongText | null {
  if (type === STRING) return cursor.shortText();
  if (type === ARRAY) {
    skipArray(cursor);
    return null;
  }
  const bytes = cursor.take(fixedBytes(type));
  switch (type) {
    case 0:
      return bytes.readUInt8();
    case 1:
      return bytes.readInt8();
    case 2:
      return bytes.readUInt16LE();
    case 3:
      return bytes.readInt16LE();
    case 4:
      return bytes.readUInt32LE();
    case 5:
      return bytes.readInt32LE();
    case 6:
      return bytes.readFloatLE();
    case 7:
      return bytes.readUInt8() !== 0;
    case 10:
      return Number(bytes.readBigUInt64LE());
    case 11:
      return Number(bytes.readBigInt64LE());
    default:
      return bytes.readDoubleLE();
  }
}

function skipArray(cursor: Cursor): void {
  const type = cursor.uint32();
  const length = cursor.uint64(ARRAY_MAX);
  if (type === ARRAY) throw refused('it contains nested arrays');
  if (type === STRING)
    for (let index = 0; index < length; index++) cursor.take(cursor.uint64(HEADER_BYTES_MAX));
  else cursor.take(fixedBytes(type) * length);
}

function fixedBytes(type: number): number {
  const bytes = VALUE_BYTES[type] ?? 0;
  if (bytes === 0) throw refused('a value has an unknown type');
  return bytes;
}

type Cursor = ReturnType<typeof createCursor>;

/** Reads forward through the bytes and never past their end. */
function createCursor(bytes: Buffer) {
  let position = 0;
  function take(length: number): Buffer {
    if (length > bytes.length - position) throw new HeaderIncomplete();
    position += length;
    return bytes.subarray(position - length, position);
  }
  function uint64(max: number): number {
    const value = take(8).readBigUInt64LE();
    if (value > BigInt(max)) throw refused('a length exceeds its limit');
    return Number(value);
  }
  return {
    take,
    uint64,
    position: () => position,
    uint32: () => take(4).readUInt32LE(),
    text: (bytesMax: number) => take(uint64(bytesMax)).toString('utf8'),
    shortText(): string | LongText {
      const text = take(uint64(HEADER_BYTES_MAX));
      return text.length > TEXT_BYTES_KEPT ? new LongText(text.length) : text.toString('utf8');
    },
  };
}

function refused(reason: string, kind: 'damaged' | 'no-gguf' = 'damaged'): AppError {
  return new AppError('model-unavailable', `The file is not a readable model: ${reason}.`, {
    details: { reason: kind },
  });
}
