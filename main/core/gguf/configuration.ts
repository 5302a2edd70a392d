/**
 * Derives the tensors of a model file from the transformer's published configuration, following llama.cpp's
 * quantizer, so that the contents are known before the file is downloaded.
 */
import { BLOCKS, type TensorType } from './tensor-types.ts';

/** Dimensions of a transformer of the Llama family. */
export interface Configuration {
  readonly layers: number;
  /** Length of a token's embedding vector. */
  readonly width: number;
  /** Of one expert, in a mixture of experts. */
  readonly feedForward: number;
  readonly experts?: Experts;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headWidth: number;
  readonly vocabulary: number;
  /** The embedding table also serves as the output matrix. */
  readonly tied: boolean;
}

/** The feed-forward part exists `count` times in each layer, and each token is multiplied with `used` of them. */
export interface Experts {
  readonly count: number;
  readonly used: number;
}

/** Mixture names of llama.cpp's quantizer; a mixture named after a single type consists almost entirely of it. */
export type Mixture = 'F32' | 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_1' | 'Q4_K' | 'Q4_K_M' | 'Q6_K';

export interface Matrix {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly type: TensorType;
  readonly experts?: Experts;
}

/** Returns all matrices of the file. Norms, and the small matrix that chooses experts, are negligible. */
export function matricesOf(configuration: Configuration, mixture: Mixture): Matrix[] {
  const { layers, width, feedForward, heads, keyHeads, headWidth, vocabulary, tied, experts } = configuration;
  const queries = heads * headWidth;
  const keys = keyHeads * headWidth;
  const main = mixture === 'Q4_K_M' ? 'Q4_K' : mixture;
  const float = main === 'F32' || main === 'F16';
  // The output matrix gets a finer type than the rest, and so does the embedding table if it is the output matrix.
  const fine = float || main === 'Q8_0' ? main : 'Q6_K';
  const matrix = (name: string, inputs: number, outputs: number, type: TensorType): Matrix => ({
    name: `${name}.weight`,
    inputs,
    outputs,
    type: fitting(type, inputs),
  });
  const feed = (name: string, inputs: number, outputs: number, type: TensorType): Matrix =>
    experts === undefined
      ? matrix(name, inputs, outputs, type)
      : { ...matrix(`${name}_exps`, inputs, outputs, type), experts };
  const all = [matrix('token_embd', width, vocabulary, tied ? fine : main)];
  if (!tied) all.push(matrix('output', width, vocabulary, fine));
  for (let layer = 0; layer < layers; layer++) {
    const better = mixture === 'Q4_K_M' && getsMoreBits(layer, layers) ? 'Q6_K' : main;
    all.push(
      matrix(`blk.${layer}.attn_q`, width, queries, main),
      matrix(`blk.${layer}.attn_k`, width, keys, main),
      matrix(`blk.${layer}.attn_v`, width, keys, better),
      matrix(`blk.${layer}.attn_output`, queries, width, main),
      feed(`blk.${layer}.ffn_gate`, width, feedForward, main),
      feed(`blk.${layer}.ffn_up`, width, feedForward, main),
      feed(`blk.${layer}.ffn_down`, feedForward, width, better),
    );
  }
  return all;
}

/** True for layers whose value and down matrices get a finer type in a `_M` mixture: the first and last eighth, and every third. */
function getsMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

/** Returns a type with shorter blocks if the rows are not whole blocks of 256. */
function fitting(type: TensorType, inputs: number): TensorType {
  if (inputs % BLOCKS[type].weights === 0) return type;
  if (type === 'Q6_K') return 'Q8_0';
  // The quantizer uses Q5_0 here, which is not supported; no model of the catalog needs it.
  throw new RangeError(`Rows of ${inputs} weights cannot be stored as ${type}.`);
}
