/**
 * Writes model files with random weights in any shape. The speed of a model does not depend on the values of its
 * weights, so costs can be measured without a download.
 */
import { randomFillSync } from 'node:crypto';
import { open } from 'node:fs/promises';
import { PROMPT_WORDS } from '../engine/index.ts';
import {
  BLOCKS,
  type Configuration,
  encodeFloats,
  type GgufTensor,
  type GgufValue,
  type Mixture,
  matricesOf,
  type TensorType,
  tensorBytes,
  writeGguf,
} from '../gguf/index.ts';

const CONTEXT_TOKENS = 2_048;
/** Random blocks repeat after about this many bytes. */
const POOL_BYTES = 2 ** 20;

/** Writes the file and returns its size in bytes. Fails as Node's file system does. */
export async function writeSyntheticModel(
  path: string,
  configuration: Configuration,
  mixture: Mixture,
  signal: AbortSignal,
): Promise<number> {
  const tensors = matricesOf(configuration, mixture).map(
    ({ name, inputs, outputs, type }): GgufTensor => ({
      name,
      shape: [inputs, outputs],
      type,
      parts: () => randomParts(type, tensorBytes(type, [inputs, outputs])),
    }),
  );
  for (const name of normNames(configuration.layers)) {
    const parts = () => [encodeFloats(new Float32Array(configuration.width).fill(1))];
    tensors.push({ name, shape: [configuration.width], type: 'F32', parts });
  }
  const file = await open(path, 'w', 0o600);
  let bytes = 0;
  try {
    for (const part of writeGguf(metadata(configuration), tensors)) {
      signal.throwIfAborted();
      await file.write(part);
      bytes += part.length;
    }
  } finally {
    await file.close();
  }
  return bytes;
}

function normNames(layers: number): string[] {
  const names = Array.from({ length: layers }, (_, layer) => [
    `blk.${layer}.attn_norm.weight`,
    `blk.${layer}.ffn_norm.weight`,
  ]);
  return ['output_norm.weight', ...names.flat()];
}

function* randomParts(type: TensorType, length: number): Generator<Uint8Array, void, void> {
  const pool = randomBlocks(type);
  for (let left = length; left > 0; left -= pool.length) yield pool.subarray(0, Math.min(left, pool.length));
}

/** Offsets of the 16-bit scales of a block, with values that result in weights of about ±0.03. */
const SCALES: Readonly<Partial<Record<TensorType, readonly (readonly [offset: number, bits: number])[]>>> = {
  Q8_0: [[0, 0x0c00]],
  Q4_0: [[0, 0x1c00]],
  Q4_1: [
    [0, 0x1c00],
    [2, 0xa800],
  ],
  Q4_K: [
    [0, 0x0c00],
    [2, 0x1800],
  ],
  Q5_K: [
    [0, 0x0800],
    [2, 0x1800],
  ],
  Q6_K: [[208, 0x0400]],
};

/** Returns random weights with finite scales: infinities would change the computation and its speed. */
function randomBlocks(type: TensorType): Buffer {
  const { bytes } = BLOCKS[type];
  const pool = randomFillSync(Buffer.alloc(Math.floor(POOL_BYTES / bytes) * bytes));
  for (let at = 0; at < pool.length; at += bytes) {
    switch (type) {
      case 'F32':
        pool.writeFloatLE((pool.readUInt32LE(at) / 2 ** 32 - 0.5) * 0.06, at);
        break;
      case 'F16':
        pool.writeUInt16LE((pool.readUInt16LE(at) & 0x83ff) | 0x2400, at);
        break;
      case 'BF16':
        pool.writeUInt16LE((pool.readUInt16LE(at) & 0x807f) | 0x3c80, at);
        break;
      default:
        for (const [offset, bits] of SCALES[type] ?? []) pool.writeUInt16LE(bits, at + offset);
    }
  }
  return pool;
}

function metadata(configuration: Configuration): Map<string, GgufValue> {
  const { layers, width, feedForward, heads, keyHeads, headWidth, vocabulary } = configuration;
  const { tokens, merges } = tokenizer(vocabulary);
  const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
  const string = (value: string): GgufValue => ({ type: 'string', value });
  return new Map<string, GgufValue>([
    ['general.architecture', string('llama')],
    ['general.name', string('Idlewatt random weights')],
    ['llama.block_count', uint32(layers)],
    ['llama.context_length', uint32(CONTEXT_TOKENS)],
    ['llama.embedding_length', uint32(width)],
    ['llama.feed_forward_length', uint32(feedForward)],
    ['llama.attention.head_count', uint32(heads)],
    ['llama.attention.head_count_kv', uint32(keyHeads)],
    ['llama.attention.key_length', uint32(headWidth)],
    ['llama.attention.value_length', uint32(headWidth)],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'float32', value: 1e-5 }],
    ['llama.rope.dimension_count', uint32(headWidth)],
    ['llama.rope.freq_base', { type: 'float32', value: 10_000 }],
    ['llama.vocab_size', uint32(vocabulary)],
    ['tokenizer.ggml.model', string('gpt2')],
    ['tokenizer.ggml.pre', string('gpt-2')],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    // 1 is an ordinary token, 3 a control token.
    ['tokenizer.ggml.token_type', { type: 'int32s', value: tokens.map((_, id) => (id === 0 ? 3 : 1)) }],
    ['tokenizer.ggml.merges', { type: 'strings', value: merges }],
    ['tokenizer.ggml.bos_token_id', uint32(0)],
    ['tokenizer.ggml.eos_token_id', uint32(0)],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
  ]);
}

/** Replacement of the space in byte-level tokenizers. */
const SPACE = 'Ġ';

/** Returns a byte-level vocabulary in which each word of the measured prompt is one token, padded with filler tokens. */
function tokenizer(vocabulary: number): { tokens: string[]; merges: string[] } {
  const letters = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index));
  const tokens = new Set(['<end>', SPACE, ...letters]);
  const merges: string[] = [];
  for (const word of PROMPT_WORDS) {
    let prefix = SPACE;
    for (const letter of word) {
      if (!tokens.has(prefix + letter)) {
        tokens.add(prefix + letter);
        merges.push(`${prefix} ${letter}`);
      }
      prefix += letter;
    }
  }
  for (let filler = tokens.size; filler < vocabulary; filler++) tokens.add(`<${filler}>`);
  return { tokens: [...tokens], merges };
}
