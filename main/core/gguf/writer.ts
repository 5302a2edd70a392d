/** Writes GGUF version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md). */
import { BLOCKS, type TensorType, tensorBytes } from './tensor-types.ts';

export type GgufValue =
  | { readonly type: 'uint32' | 'float32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'int32s'; readonly value: readonly number[] };

export interface GgufTensor {
  readonly name: string;
  /** Fastest-running dimension first: inputs, then outputs. */
  readonly shape: readonly number[];
  readonly type: TensorType;
  /** The data in parts; {@link tensorBytes} in total. */
  readonly parts: () => Iterable<Uint8Array>;
}

const ALIGNMENT_BYTES = 32;
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;

/** Yields the bytes of the file part by part, so that a large file is never in memory as a whole. */
export function* writeGguf(
  metadata: ReadonlyMap<string, GgufValue>,
  tensors: readonly GgufTensor[],
): Generator<Uint8Array, void, void> {
  const parts: Buffer[] = [Buffer.from('GGUF'), uint32(3), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), encode(value));
  let offset = 0;
  for (const { name, shape, type } of tensors) {
    const id = uint32(BLOCKS[type].id);
    parts.push(text(name), uint32(shape.length), ...shape.map(uint64), id, uint64(offset));
    offset += padded(tensorBytes(type, shape));
  }
  const head = Buffer.concat(parts);
  yield head;
  yield Buffer.alloc(padded(head.length) - head.length);
  for (const { name, shape, type, parts: data } of tensors) {
    let length = 0;
    for (const part of data()) {
      length += part.length;
      yield part;
    }
    if (length !== tensorBytes(type, shape))
      throw new RangeError(`Tensor "${name}" has ${length} bytes instead of ${tensorBytes(type, shape)}.`);
    yield Buffer.alloc(padded(length) - length);
  }
}

/** Encodes 32-bit floats as the data of a tensor. */
export function encodeFloats(data: Float32Array): Buffer {
  const bytes = Buffer.alloc(data.byteLength);
  data.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes;
}

function encode(value: GgufValue): Buffer {
  switch (value.type) {
    case 'uint32':
      return Buffer.concat([uint32(TYPE.uint32), uint32(value.value)]);
    case 'float32':
      return Buffer.concat([uint32(TYPE.float32), float32(value.value)]);
    case 'bool':
      return Buffer.concat([uint32(TYPE.bool), Buffer.from([value.value ? 1 : 0])]);
    case 'string':
      return Buffer.concat([uint32(TYPE.string), text(value.value)]);
    case 'strings':
      return Buffer.concat([...array(TYPE.string, value.value.length), ...value.value.map(text)]);
    case 'int32s':
      return Buffer.concat([...array(TYPE.int32, value.value.length), ...value.value.map(uint32)]);
  }
}

function array(type: number, length: number): Buffer[] {
  return [uint32(TYPE.array), uint32(type), uint64(length)];
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
