/** Small GGUF files with chosen metadata. */
import { encodeFloats, type GgufTensor, type GgufValue, writeGguf } from '../../main/core/gguf/index.ts';

const TENSOR: GgufTensor = {
  name: 'token_embd.weight',
  shape: [4, 8],
  type: 'F32',
  parts: () => [encodeFloats(new Float32Array(32))],
};

/** Texts become strings, numbers uint32. */
export function ggufOf(metadata: Readonly<Record<string, string | number>>, tensors = [TENSOR]): Buffer {
  const values = Object.entries(metadata).map(([key, value]): [string, GgufValue] => [
    key,
    typeof value === 'string' ? { type: 'string', value } : { type: 'uint32', value },
  ]);
  return Buffer.concat([...writeGguf(new Map(values), tensors)]);
}

/** A plausible model of this architecture. */
export function modelFile(
  architecture = 'llama',
  more: Readonly<Record<string, string | number>> = {},
): Buffer {
  return ggufOf({
    'general.architecture': architecture,
    [`${architecture}.block_count`]: 2,
    [`${architecture}.context_length`]: 512,
    [`${architecture}.embedding_length`]: 4,
    ...more,
  });
}

/** Mean pooling is what only embedding models have. */
export function embeddingFile(): Buffer {
  return modelFile('bert', { 'bert.pooling_type': 1 });
}
