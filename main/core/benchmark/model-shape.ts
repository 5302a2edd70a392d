/** Properties of a model that determine its speed: the matrices that each token is multiplied with, and its attention. */
import {
  type Configuration,
  type GgufHeader,
  type Matrix,
  type Mixture,
  matricesOf,
  type TensorType,
} from '../gguf/index.ts';

export interface ModelShape {
  readonly layers: number;
  readonly vocabulary: number;
  /** Heads times their width: the cost of one token of context in each layer. */
  readonly attentionWidth: number;
  /** Part of keys and values that does not fill whole CPU vectors and is processed number by number. */
  readonly attentionRest: number;
  /** Weights that each token is multiplied with, by type, without the output matrix: of a mixture of experts, those it uses. */
  readonly weights: ReadonlyMap<TensorType, number>;
  /** Dot products per token: the outputs of all those matrices. */
  readonly rows: number;
  /** Multiplied only for tokens after which a next one is chosen. */
  readonly output: { readonly type: TensorType; readonly inputs: number; readonly outputs: number };
}

/**
 * Architectures whose layers consist of the seven matrices that the costs were fitted on. In `qwen3moe`, three of them are a
 * mixture of experts.
 */
const ARCHITECTURES: ReadonlySet<unknown> = new Set([
  'granite',
  'llama',
  'qwen2',
  'qwen3',
  'qwen3moe',
  'smollm3',
]);
/** Tensors of a mixture of experts: one matrix for each expert, and the small one that chooses among them. */
const EXPERTS = /\.ffn_(gate|up|down)_exps\.weight$/;
const CHOICE = /\.ffn_gate_inp\.weight$/;
const LAYERS_MAX = 1_024;

/** Returns the shape of a published model whose file is not downloaded. */
export function shapeOfConfiguration(configuration: Configuration, mixture: Mixture): ModelShape {
  return shapeOf(matricesOf(configuration, mixture), configuration);
}

/** Returns the shape from a file's header; null for an architecture, tensor or type that the cost model does not cover. */
export function shapeOfHeader({
  values,
  tensors,
}: Pick<GgufHeader, 'values' | 'tensors'>): ModelShape | null {
  const architecture = values.get('general.architecture');
  const layers = values.get(`${architecture}.block_count`);
  const heads = values.get(`${architecture}.attention.head_count`);
  const keyHeads = values.get(`${architecture}.attention.head_count_kv`) ?? heads;
  const width = values.get(`${architecture}.embedding_length`);
  const used = values.get(`${architecture}.expert_used_count`);
  if (!ARCHITECTURES.has(architecture)) return null;
  if (!isCount(layers) || layers > LAYERS_MAX || !isCount(width)) return null;
  if (!isCount(heads) || !isCount(keyHeads)) return null;
  const matrices: Matrix[] = [];
  for (const { name, shape, type } of tensors) {
    const [inputs, outputs, ...more] = shape;
    if (inputs === undefined || outputs === undefined || CHOICE.test(name)) continue;
    if (type === null) return null;
    const [count, ...others] = more;
    if (count === undefined) matrices.push({ name, inputs, outputs, type });
    else if (others.length > 0 || !EXPERTS.test(name) || !isCount(used) || used > count) return null;
    else matrices.push({ name, inputs, outputs, type, experts: { count, used } });
  }
  if (!matrices.some(({ name }) => name === 'token_embd.weight')) return null;
  const headWidth = values.get(`${architecture}.attention.key_length`) ?? width / heads;
  return isCount(headWidth) ? shapeOf(matrices, { layers, heads, keyHeads, headWidth }) : null;
}

/** Numbers that llama.cpp processes per step in products of keys and values on a CPU with wide vectors. */
const VECTOR_NUMBERS = 64;

function shapeOf(
  matrices: readonly Matrix[],
  { layers, heads, keyHeads, headWidth }: Pick<Configuration, 'layers' | 'heads' | 'keyHeads' | 'headWidth'>,
): ModelShape {
  const table = matrices.find(({ name }) => name === 'token_embd.weight');
  const output = matrices.find(({ name }) => name === 'output.weight') ?? table;
  if (table === undefined || output === undefined) throw new TypeError('The model has no embedding table.');
  const weights = new Map<TensorType, number>();
  let rows = 0;
  for (const matrix of matrices) {
    // The embedding table is looked up, not multiplied.
    if (matrix === table || matrix === output) continue;
    const outputs = matrix.outputs * (matrix.experts?.used ?? 1);
    weights.set(matrix.type, (weights.get(matrix.type) ?? 0) + matrix.inputs * outputs);
    rows += outputs;
  }
  return {
    layers,
    vocabulary: table.outputs,
    attentionWidth: heads * headWidth,
    attentionRest: keyHeads * (headWidth % VECTOR_NUMBERS),
    weights,
    rows,
    output,
  };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}
