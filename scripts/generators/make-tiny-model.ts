/**
 * Creates `resources/models/idlewatt-tiny.gguf`, the same bytes each time: a byte-level BPE tokenizer trained on a
 * short text of our own, embeddings trained on which token follows which, and small random weights for the rest.
 * It shows that the engine works; it is not a useful language model.
 *
 * `node scripts/generators/make-tiny-model.ts [FILE]`
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  encodeFloats,
  type GgufTensor,
  type GgufValue,
  parseGgufHeader,
  tensorBytes,
  writeGguf,
} from '../../main/core/gguf/index.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { REPOSITORY } from '../lib/places.ts';
import { TINY_MODEL_TEXT } from './tiny-model-text.ts';

const FILE = join(REPOSITORY, 'resources/models/idlewatt-tiny.gguf');
const SEED = 20_261_123;
const VOCABULARY = 640;
const WIDTH = 64;
const LAYERS = 2;
const HEADS = 4;
const KEY_HEADS = 2;
const FEED_FORWARD = 128;
const CONTEXT_TOKENS = 2048;
const HEAD_WIDTH = WIDTH / HEADS;
/** Share that attention and feed-forward add to the residual stream: enough for the output to depend on the prompt. */
const CONTEXT_SHARE = 0.12;
const EPOCHS = 40;

const START = '<|im_start|>';
const END = '<|im_end|>';
const CHAT_TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}" +
  "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";
const DESCRIPTION =
  'A test model. Its tokenizer and embeddings were trained on a page of text to know which token follows which; ' +
  'its attention and feed-forward weights are random. Do not expect sense.';

/** Splits text into words before merging, as `tokenizer.ggml.pre = gpt-2` specifies. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

interface Tokenizer {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
  readonly encode: (text: string) => number[];
}

export interface TinyModelOptions {
  readonly chatTemplate?: string;
  /** Makes it an embedding model, whose vectors are the mean over all tokens. */
  readonly isEmbedding?: boolean;
  /** Adds so many copies of each token, with other texts, for a larger vocabulary. Default: none. */
  readonly copies?: number;
}

const MEAN_POOLING = 1;

/** Returns the bytes of the GGUF file. Training takes about 10 s. */
export function trainTinyModel(): Buffer {
  const random = createRandom(SEED);
  const tokenizer = trainTokenizer(TINY_MODEL_TEXT);
  const { embedding, output } = trainSuccession(successions(tokenizer), tokenizer.tokens.length, random);
  const tensors: GgufTensor[] = [
    floats('token_embd.weight', [WIDTH, tokenizer.tokens.length], embedding),
    floats('output_norm.weight', [WIDTH], new Float32Array(WIDTH).fill(1)),
    floats('output.weight', [WIDTH, tokenizer.tokens.length], output),
  ];
  for (let layer = 0; layer < LAYERS; layer += 1) tensors.push(...randomLayer(layer, random));
  return Buffer.concat([...writeGguf(metadataOf(tokenizer, {}), tensors)]);
}

/** Returns the stored model with another chat template, or as an embedding model, for tests. */
export function buildTinyModel(options: TinyModelOptions): Buffer {
  const { copies = 0 } = options;
  const tokenizer = trainTokenizer(TINY_MODEL_TEXT);
  const copied = Array.from({ length: copies }, (_, copy) =>
    tokenizer.tokens.map((_, id) => `~${copy}~${id}`),
  );
  const metadata = metadataOf({ ...tokenizer, tokens: [...tokenizer.tokens, ...copied.flat()] }, options);
  return Buffer.concat([
    ...writeGguf(
      metadata,
      storedTensors().map((tensor) => withCopies(tensor, copies)),
    ),
  ]);
}

/** Repeats the rows of the two tensors that have one for each token. */
function withCopies(tensor: GgufTensor, copies: number): GgufTensor {
  const [width = 0, rows = 0] = tensor.shape;
  if (rows !== VOCABULARY) return tensor;
  const { parts } = tensor;
  return {
    ...{ ...tensor, shape: [width, rows * (copies + 1)] },
    parts: () => Array.from({ length: copies + 1 }, () => [...parts()]).flat(),
  };
}

/** Reads the weights at the end of the stored file. */
function storedTensors(): GgufTensor[] {
  const bytes = readFileSync(FILE);
  const described = parseGgufHeader(bytes).tensors.map(({ name, shape, type: found }) => {
    const type = forceUnwrap('a known type', found);
    return { name, shape, type, length: tensorBytes(type, shape) };
  });
  // The length of each is a multiple of the alignment.
  let start = bytes.length - described.reduce((sum, { length }) => sum + length, 0);
  return described.map(({ length, ...tensor }) => {
    const data = bytes.subarray(start, start + length);
    start += length;
    return { ...tensor, parts: () => [data] };
  });
}

function metadataOf(
  tokenizer: Tokenizer,
  { chatTemplate = CHAT_TEMPLATE, isEmbedding = false }: TinyModelOptions,
): Map<string, GgufValue> {
  const id = (token: string) => tokenizer.tokens.indexOf(token);
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'llama' }],
    ['general.name', { type: 'string', value: 'Idlewatt Tiny' }],
    ['general.description', { type: 'string', value: DESCRIPTION }],
    ['general.license', { type: 'string', value: 'mit' }],
    ['general.file_type', { type: 'uint32', value: 0 }],
    ['llama.block_count', { type: 'uint32', value: LAYERS }],
    ['llama.context_length', { type: 'uint32', value: CONTEXT_TOKENS }],
    ['llama.embedding_length', { type: 'uint32', value: WIDTH }],
    ['llama.feed_forward_length', { type: 'uint32', value: FEED_FORWARD }],
    ['llama.attention.head_count', { type: 'uint32', value: HEADS }],
    ['llama.attention.head_count_kv', { type: 'uint32', value: KEY_HEADS }],
    ['llama.attention.layer_norm_rms_epsilon', { type: 'float32', value: 1e-5 }],
    ['llama.rope.dimension_count', { type: 'uint32', value: HEAD_WIDTH }],
    ['llama.rope.freq_base', { type: 'float32', value: 10_000 }],
    ['llama.vocab_size', { type: 'uint32', value: tokenizer.tokens.length }],
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'gpt-2' }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokenizer.tokens }],
    // 1 is a normal token, 3 a control token.
    [
      'tokenizer.ggml.token_type',
      { type: 'int32s', value: tokenizer.tokens.map((token) => (isControl(token) ? 3 : 1)) },
    ],
    ['tokenizer.ggml.merges', { type: 'strings', value: tokenizer.merges }],
    ['tokenizer.ggml.bos_token_id', { type: 'uint32', value: id(START) }],
    ['tokenizer.ggml.eos_token_id', { type: 'uint32', value: id(END) }],
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: false }],
    ['tokenizer.chat_template', { type: 'string', value: chatTemplate }],
  ]);
  if (isEmbedding) metadata.set('llama.pooling_type', { type: 'uint32', value: MEAN_POOLING });
  return metadata;
}

function floats(name: string, shape: number[], data: Float32Array): GgufTensor {
  return { name, shape, type: 'F32', parts: () => [encodeFloats(data)] };
}

function isControl(token: string): boolean {
  return token === START || token === END;
}

/** Byte-pair encoding: the most frequent neighboring pair becomes one token until the vocabulary is full. */
function trainTokenizer(lines: readonly string[]): Tokenizer {
  const characters = byteCharacters();
  const split = (text: string) =>
    (text.match(WORDS) ?? []).map((word) =>
      [...Buffer.from(word, 'utf8')].map((byte) => characters[byte] ?? ''),
    );
  const words = lines.flatMap((line) => split(`${line}\n`));
  const tokens = [START, END, ...characters];
  const merges: string[] = [];
  while (tokens.length < VOCABULARY) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 0; i + 1 < word.length; i += 1) {
        const pair = `${word[i]} ${word[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
    if (!best) break;
    merges.push(best[0]);
    tokens.push(best[0].replace(' ', ''));
    for (const word of words) merge(word, best[0]);
  }
  const ids = new Map(tokens.map((token, id) => [token, id]));
  return {
    tokens,
    merges,
    encode(text) {
      const pieces = split(text);
      for (const pair of merges) for (const piece of pieces) merge(piece, pair);
      return pieces.flat().map((token) => ids.get(token) ?? 0);
    },
  };
}

function merge(word: string[], pair: string): void {
  for (let i = 0; i + 1 < word.length; i += 1) {
    if (`${word[i]} ${word[i + 1]}` === pair) word.splice(i, 2, `${word[i]}${word[i + 1]}`);
  }
}

/** Returns GPT-2's printable substitute for each of the 256 bytes. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    if (printable) return String.fromCodePoint(byte);
    next += 1;
    return String.fromCodePoint(next - 1);
  });
}

/** Counts how often each token follows each other token: first key `from`, second key `to`. */
function successions({ tokens, encode }: Tokenizer): Map<number, Map<number, number>> {
  const counts = new Map<number, Map<number, number>>();
  for (const line of TINY_MODEL_TEXT) {
    const ids = [
      tokens.indexOf(START),
      ...encode('assistant\n'),
      ...encode(line),
      tokens.indexOf(END),
      ...encode('\n'),
    ];
    ids.forEach((to, index) => {
      const from = ids[index - 1];
      if (from === undefined) return;
      const row = counts.get(from) ?? new Map<number, number>();
      counts.set(from, row.set(to, (row.get(to) ?? 0) + 1));
    });
  }
  return counts;
}

/**
 * Fits softmax(output · embedding) to the counts by AdaGrad; embeddings keep the length that the norm layer gives them.
 */
function trainSuccession(counts: Map<number, Map<number, number>>, vocabulary: number, random: () => number) {
  const embedding = new Float64Array(vocabulary * WIDTH).map(() => random());
  const output = new Float64Array(vocabulary * WIDTH).map(() => random() * 0.05);
  const pastEmbedding = new Float64Array(embedding.length).fill(1e-6);
  const pastOutput = new Float64Array(output.length).fill(1e-6);
  const scores = new Float64Array(vocabulary);
  const gradient = new Float64Array(WIDTH);
  const rate = 0.1;
  for (let token = 0; token < vocabulary; token += 1) normalize(embedding, token);
  for (let epoch = 0; epoch < EPOCHS; epoch += 1) {
    for (const [from, row] of counts) {
      const total = [...row.values()].reduce((sum, count) => sum + count, 0);
      const start = from * WIDTH;
      let sum = 0;
      for (let to = 0; to < vocabulary; to += 1) {
        let score = 0;
        for (let i = 0; i < WIDTH; i += 1)
          score += (output[to * WIDTH + i] ?? 0) * (embedding[start + i] ?? 0);
        scores[to] = Math.exp(score);
        sum += scores[to] ?? 0;
      }
      gradient.fill(0);
      for (let to = 0; to < vocabulary; to += 1) {
        const error = (scores[to] ?? 0) / sum - (row.get(to) ?? 0) / total;
        for (let i = 0; i < WIDTH; i += 1) {
          const at = to * WIDTH + i;
          const before = output[at] ?? 0;
          gradient[i] = (gradient[i] ?? 0) + error * before;
          const slope = error * (embedding[start + i] ?? 0);
          const past = (pastOutput[at] ?? 0) + slope * slope;
          pastOutput[at] = past;
          output[at] = before - (rate * slope) / Math.sqrt(past);
        }
      }
      for (let i = 0; i < WIDTH; i += 1) {
        const slope = gradient[i] ?? 0;
        pastEmbedding[start + i] = (pastEmbedding[start + i] ?? 0) + slope * slope;
        embedding[start + i] =
          (embedding[start + i] ?? 0) - (rate * slope) / Math.sqrt(pastEmbedding[start + i] ?? 1);
      }
      normalize(embedding, from);
    }
  }
  return { embedding: Float32Array.from(embedding), output: Float32Array.from(output) };
}

function normalize(rows: Float64Array, row: number): void {
  let sum = 0;
  for (let i = 0; i < WIDTH; i += 1) sum += (rows[row * WIDTH + i] ?? 0) ** 2;
  const scale = Math.sqrt(WIDTH / sum);
  for (let i = 0; i < WIDTH; i += 1) rows[row * WIDTH + i] = (rows[row * WIDTH + i] ?? 0) * scale;
}

function randomLayer(layer: number, random: () => number): GgufTensor[] {
  const ones = () => new Float32Array(WIDTH).fill(1);
  const matrix = (inputs: number, outputs: number, gain: number) =>
    new Float32Array(inputs * outputs).map(() => (random() * gain) / Math.sqrt(inputs));
  const keys = KEY_HEADS * HEAD_WIDTH;
  const tensor = (name: string, shape: number[], data: Float32Array) =>
    floats(`blk.${layer}.${name}.weight`, shape, data);
  return [
    tensor('attn_norm', [WIDTH], ones()),
    tensor('attn_q', [WIDTH, WIDTH], matrix(WIDTH, WIDTH, 1)),
    tensor('attn_k', [WIDTH, keys], matrix(WIDTH, keys, 1)),
    tensor('attn_v', [WIDTH, keys], matrix(WIDTH, keys, 1)),
    tensor('attn_output', [WIDTH, WIDTH], matrix(WIDTH, WIDTH, CONTEXT_SHARE)),
    tensor('ffn_norm', [WIDTH], ones()),
    tensor('ffn_gate', [WIDTH, FEED_FORWARD], matrix(WIDTH, FEED_FORWARD, 1)),
    tensor('ffn_up', [WIDTH, FEED_FORWARD], matrix(WIDTH, FEED_FORWARD, 1)),
    tensor('ffn_down', [FEED_FORWARD, WIDTH], matrix(FEED_FORWARD, WIDTH, CONTEXT_SHARE)),
  ];
}

/** Returns normally distributed numbers from a seed: mulberry32, and the sum of twelve uniform numbers minus 6. */
function createRandom(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i += 1) sum += uniform();
    return sum;
  };
}

if (import.meta.main) {
  const file = process.argv[2] ?? FILE;
  const bytes = trainTinyModel();
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  console.log(`${file}: ${bytes.length} bytes, sha256 ${createHash('sha256').update(bytes).digest('hex')}`);
}
