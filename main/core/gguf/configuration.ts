/**
 * A transformer's published configuration, and the tensors that llama.cpp's quantiser makes of it: what a
 * model file will hold, known before the file is here.
 */
import { BLOCKS, type TensorType } from './tensor-types.ts';

/** The numbers of a dense transformer of the Llama family. */
export interface Configuration {
  readonly layers: number;
  /** Length of a token's vector. */
  readonly width: number;
  readonly feedForward: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly headWidth: number;
  readonly vocabulary: number;
  /** The table of embeddings is the output matrix too. */
  readonly tied: boolean;
}

/** Names of mixtures as llama.cpp's quantiser has them; a name of a type alone is nearly all of that type. */
export type Mixture = 'F32' | 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_1' | 'Q4_K' | 'Q4_K_M' | 'Q6_K';

export interface Matrix {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly type: TensorType;
}

/** All matrices of the file; the vectors between them (norms) weigh nothing. */
export function matricesOf(configuration: Configuration, mixture: Mixture): Matrix[] {
  const { layers, width, feedForward, heads, keyHeads, headWidth, vocabulary, tied } = configuration;
  const queries = heads * headWidth;
  const keys = keyHeads * headWidth;
  const main = mixture === 'Q4_K_M' ? 'Q4_K' : mixture;
  const float = main === 'F32' || main === 'F16';
  // The output matrix is kept finer than the rest, and so is the table when it is the output matrix.
  const fine = float || main === 'Q8_0' ? main : 'Q6_K';
  const matrix = (name: string, inputs: number, outputs: number, type: TensorType): Matrix => ({
    name: `${name}.weight`,
    inputs,
    outputs,
    type: fitting(type, inputs),
  });
  const all = [matrix('token_embd', width, vocabulary, tied ? fine : main)];
  if (!tied) all.push(matrix('output', width, vocabulary, fine));
  for (let layer = 0; layer < layers; layer++) {
    const better = mixture === 'Q4_K_M' && getsMoreBits(layer, layers) ? 'Q6_K' : main;
    all.push(
      matrix(`blk.${layer}.attn_q`, width, queries, main),
      matrix(`blk.${layer}.attn_k`, width, keys, main),
      matrix(`blk.${layer}.attn_v`, width, keys, better),
      matrix(`blk.${layer}.attn_output`, queries, width, main),
      matrix(`blk.${layer}.ffn_gate`, width, feedForward, main),
      matrix(`blk.${layer}.ffn_up`, width, feedForward, main),
      matrix(`blk.${layer}.ffn_down`, feedForward, width, better),
    );
  }
  return all;
}

/** The layers whose value and down matrices a `_M` mixture keeps finer: the first and last eighth, and every third. */
function getsMoreBits(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2;
}

/** Rows that are no whole blocks of 256 get a type with shorter blocks. */
function fitting(type: TensorType, inputs: number): TensorType {
  if (inputs % BLOCKS[type].weights === 0) return type;
  if (type === 'Q6_K') return 'Q8_0';
  // The quantiser takes Q5_0 here, which we do not know; none of our models needs it.
  throw new RangeError(`rows of ${inputs} cannot be ${type}`);
}
