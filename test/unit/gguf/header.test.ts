/**
 * Verifies: a model file's header is read as it was written, and a malformed file only causes a rejection.
 * Setup: reads back the output of the writer; truncates headers at every byte, alters random bytes and sets absurd
 * lengths.
 * Fails if: a downloaded file crashes the agent, memory is allocated for a length that a file merely claims, or a wrong
 * shape is used for a prediction.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  encodeFloats,
  type GgufTensor,
  type GgufValue,
  parseGgufHeader,
  readGgufHeader,
  tensorBytes,
  tensorTypeSchema,
  writeGguf,
} from '../../../main/core/gguf/index.ts';
import { isAppError } from '../../../shared/errors.ts';

const METADATA = new Map<string, GgufValue>([
  ['general.architecture', { type: 'string', value: 'llama' }],
  ['llama.block_count', { type: 'uint32', value: 2 }],
  ['llama.rope.freq_base', { type: 'float32', value: 10_000 }],
  ['tokenizer.ggml.tokens', { type: 'strings', value: ['a', 'bc', ''] }],
  ['tokenizer.ggml.token_type', { type: 'int32s', value: [1, 3, 1] }],
  ['tokenizer.ggml.add_bos_token', { type: 'bool', value: true }],
  ['tokenizer.chat_template', { type: 'string', value: 'x'.repeat(2_000) }],
]);
const TENSORS: GgufTensor[] = [
  { name: 'norm.weight', shape: [4], type: 'F32', parts: () => [encodeFloats(new Float32Array(4))] },
  ...tensorTypeSchema.options.map(
    (type): GgufTensor => ({
      name: `${type}.weight`,
      shape: [256, 3],
      type,
      parts: () => [new Uint8Array(tensorBytes(type, [256, 3]))],
    }),
  ),
];
const FILE = Buffer.concat([...writeGguf(METADATA, TENSORS)]);
const HEADER_BYTES = FILE.length - TENSORS.reduce((sum, each) => sum + padded(each), 0);

function padded({ type, shape }: GgufTensor): number {
  return Math.ceil(tensorBytes(type, shape) / 32) * 32;
}

/** Returns `refused` for `model-unavailable` and fails the test on any other error. */
function readOrRefuse(bytes: Buffer): 'read' | 'refused' {
  try {
    parseGgufHeader(bytes);
    return 'read';
  } catch (error) {
    assert.ok(isAppError(error, 'model-unavailable'), String(error));
    return 'refused';
  }
}

describe('a GGUF header', () => {
  it('is read as written; arrays and long texts are skipped', () => {
    const { values, tensors } = parseGgufHeader(FILE);
    assert.deepEqual(
      [...values],
      [
        ['general.architecture', 'llama'],
        ['llama.block_count', 2],
        ['llama.rope.freq_base', 10_000],
        ['tokenizer.ggml.add_bos_token', true],
      ],
    );
    assert.deepEqual(
      tensors,
      TENSORS.map(({ name, shape, type }) => ({ name, shape, type })),
    );
  });

  it('is read from a file even if longer than the first read, and rejected if truncated', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'idlewatt-gguf-'));
    try {
      const many = Array.from({ length: 300_000 }, (_, index) => `token ${index}`);
      const metadata = new Map([...METADATA, ['tokens', { type: 'strings', value: many }] as const]);
      const long = Buffer.concat([...writeGguf(metadata, TENSORS)]);
      const path = join(folder, 'model.gguf');
      await writeFile(path, long);
      assert.equal((await readGgufHeader(path)).tensors.length, TENSORS.length);
      await writeFile(path, long.subarray(0, 2_000_000));
      await assert.rejects(readGgufHeader(path), (error) => isAppError(error, 'model-unavailable'));
      await writeFile(path, '');
      await assert.rejects(readGgufHeader(path), (error) => isAppError(error, 'model-unavailable'));
      await assert.rejects(readGgufHeader(join(folder, 'none')), (error) =>
        isAppError(error, 'model-unavailable'),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a malformed GGUF header', () => {
  it('is rejected when truncated at any byte', () => {
    // The last bytes before the data are padding.
    for (let length = 0; length < HEADER_BYTES - 32; length++) {
      assert.equal(readOrRefuse(FILE.subarray(0, length)), 'refused', `cut at ${length}`);
    }
    assert.equal(readOrRefuse(FILE), 'read');
  });

  it('causes no other error when any bytes are altered', () => {
    const change = fc.tuple(fc.nat(HEADER_BYTES - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const bytes = Buffer.from(FILE);
        for (const [at, value] of changes) bytes[at] = value;
        readOrRefuse(bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  it('causes no other error for random bytes after a valid beginning', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (rest) => {
        readOrRefuse(Buffer.concat([FILE.subarray(0, 8), rest]));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is rejected for its claims before they are acted on', () => {
    const refusal = (bytes: Buffer, why: RegExp, about: string) =>
      assert.throws(
        () => parseGgufHeader(bytes),
        (error) => isAppError(error, 'model-unavailable') && why.test(error.message),
        about,
      );
    for (const at of [8, 16, 24]) {
      const bytes = Buffer.from(FILE);
      bytes.writeBigUInt64LE(2n ** 63n, at);
      refusal(bytes, /a length exceeds its limit/, `length at ${at}`);
    }
    const nested = Buffer.concat([...writeGguf(new Map([['n', { type: 'int32s', value: [9] }]]), [])]);
    // Turns the array's element type into an array.
    nested.writeUInt32LE(9, 24 + 8 + 1 + 4);
    refusal(nested, /nested arrays/, 'nested');
    const deep = TENSORS.slice(0, 1).map((tensor) => ({ ...tensor, shape: [4, 1, 1, 1, 1] }));
    refusal(Buffer.concat([...writeGguf(new Map(), deep)]), /too many dimensions/, 'five dimensions');
    const unknown = Buffer.concat([...writeGguf(new Map([['n', { type: 'uint32', value: 1 }]]), [])]);
    unknown.writeUInt32LE(99, 24 + 8 + 1);
    refusal(unknown, /an unknown type/, 'unknown type');
    refusal(Buffer.from('GGML instead of the expected format'), /does not begin/, 'another format');
  });
});
