/**
 * A tiny encoder model (BERT) with random weights, as a GGUF file: it reads a text in both directions, has no memory of keys and
 * values, and makes one vector of all tokens. Many embedding models of the catalog are of this kind.
 */
import { encodeFloats, type GgufTensor, type GgufValue, writeGguf } from '../../main/core/gguf/index.ts';

const WIDTH = 32;
const FEED_FORWARD = 64;
const HEADS = 2;
const LAYERS = 2;
const CONTEXT_TOKENS = 512;
/** `pooling_type` in llama.cpp: the vector of the first token. */
const FIRST_TOKEN_POOLING = 2;
const CONTROLS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
/** The file marks the beginning of a word, where BERT's own vocabulary marks the rest of one. */
const WORDS = ['.', 'the', 'river', 'runs', 'to', 'make', 'bread'].map((word) => `\u2581${word}`);

export function buildTinyEncoder(): Buffer {
  const tokens = [...CONTROLS, ...WORDS];
  const count = (value: number): GgufValue => ({ type: 'uint32', value });
  const id = (token: string) => count(tokens.indexOf(token));
  const metadata = new Map<string, GgufValue>([
    ['general.architecture', { type: 'string', value: 'bert' }],
    ['general.file_type', count(0)],
    ['bert.block_count', count(LAYERS)],
    ['bert.context_length', count(CONTEXT_TOKENS)],
    ['bert.embedding_length', count(WIDTH)],
    ['bert.feed_forward_length', count(FEED_FORWARD)],
    ['bert.attention.head_count', count(HEADS)],
    ['bert.attention.layer_norm_epsilon', { type: 'float32', value: 1e-12 }],
    ['bert.attention.causal', { type: 'bool', value: false }],
    ['bert.pooling_type', count(FIRST_TOKEN_POOLING)],
    ['tokenizer.ggml.model', { type: 'string', value: 'bert' }],
    ['tokenizer.ggml.tokens', { type: 'strings', value: tokens }],
    [
      'tokenizer.ggml.token_type',
      { type: 'int32s', value: tokens.map((_, at) => (at < CONTROLS.length ? 3 : 1)) },
    ],
    ['tokenizer.ggml.token_type_count', count(2)],
    ['tokenizer.ggml.bos_token_id', id('[CLS]')],
    ['tokenizer.ggml.eos_token_id', id('[SEP]')],
    ['tokenizer.ggml.cls_token_id', id('[CLS]')],
    ['tokenizer.ggml.seperator_token_id', id('[SEP]')],
    ['tokenizer.ggml.unknown_token_id', id('[UNK]')],
    ['tokenizer.ggml.padding_token_id', id('[PAD]')],
    ['tokenizer.ggml.mask_token_id', id('[MASK]')],
  ]);
  return Buffer.concat([...writeGguf(metadata, tensorsFor(tokens.length))]);
}

function tensorsFor(vocabulary: number): GgufTensor[] {
  const square = [WIDTH, WIDTH];
  return [
    weights('token_embd.weight', [WIDTH, vocabulary]),
    weights('token_types.weight', [WIDTH, 2]),
    weights('position_embd.weight', [WIDTH, CONTEXT_TOKENS]),
    ...norm('token_embd_norm'),
    ...Array.from({ length: LAYERS }, (_, layer) => [
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].flatMap((name) =>
        withBias(`blk.${layer}.${name}`, square),
      ),
      ...norm(`blk.${layer}.attn_output_norm`),
      ...withBias(`blk.${layer}.ffn_up`, [WIDTH, FEED_FORWARD]),
      ...withBias(`blk.${layer}.ffn_down`, [FEED_FORWARD, WIDTH]),
      ...norm(`blk.${layer}.layer_output_norm`),
    ]).flat(),
  ];
}

function withBias(name: string, shape: number[]): GgufTensor[] {
  return [weights(`${name}.weight`, shape), weights(`${name}.bias`, [shape[1] ?? 0])];
}

function norm(name: string): GgufTensor[] {
  const ones = () => [encodeFloats(new Float32Array(WIDTH).fill(1))];
  return [
    { name: `${name}.weight`, shape: [WIDTH], type: 'F32', parts: ones },
    weights(`${name}.bias`, [WIDTH]),
  ];
}

/** Numbers between -0.5 and 0.5 that depend on the name only. */
function weights(name: string, shape: number[]): GgufTensor {
  let seed = [...name].reduce((sum, character) => (sum * 31 + (character.codePointAt(0) ?? 0)) % 65_521, 7);
  const values = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647 - 0.5;
  });
  return { name, shape, type: 'F32', parts: () => [encodeFloats(values)] };
}
