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
  /** Weights that each token is multiplied with, by type, without the output matrix. */
  readonly weights: ReadonlyMap<TensorType, number>;
  /** Dot products per token: the outputs of all those matrices. */
  readonly rows: number;
  /** Multiplied only for tokens after which a next one is chosen. */
  readonly output: { readonly type: TensorType; readonly inputs: number; readonly outputs: number };
}

/** Architectures whose layers consist of the seven matrices that the costs were fitted on. */
const ARCHITECTURES: ReadonlySet<unknown> = new Set(['llama', 'qwen2', 'qwen3']);
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
  if (!ARCHITECTURES.has(architecture)) return null;
  if (!isCount(layers) || layers > LAYERS_MAX || !isCount(width)) return null;
  if (!isCount(heads) || !isCount(keyHeads)) return null;
  const matrices: Matrix[] = [];
  for (const { name, shape, type } of tensors) {
    const [inputs, outputs, ...more] = shape;
    if (inputs === undefined || outputs === undefined) continue;
    if (more.length > 0 || type === null) return null;
    matrices.push({ name, inputs, outputs, type });
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
    weights.set(matrix.type, (weights.get(matrix.type) ?? 0) + matrix.inputs * matrix.outputs);
    rows += matrix.outputs;
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
