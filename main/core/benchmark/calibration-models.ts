/**
 * The synthetic models that costs are fitted on: each type twice, in shapes that differ in width, depth and
 * vocabulary, so that the parts of a token's cost can be told apart. One of the two is several times larger than
 * a last-level cache, as the models are that people serve: what fits the cache runs up to a third faster.
 */
import type { Configuration, Mixture } from '../gguf/index.ts';
import type { Effort } from './model-times.ts';

export interface SyntheticModel {
  readonly name: string;
  readonly configuration: Configuration;
  readonly mixture: Mixture;
}

function model(
  mixture: Mixture,
  [layers, width, feedForward]: [layers: number, width: number, feedForward: number],
  [heads, keyHeads, headWidth]: [heads: number, keyHeads: number, headWidth: number],
  vocabulary: number,
): SyntheticModel {
  const configuration = { layers, width, feedForward, heads, keyHeads, headWidth, vocabulary, tied: true };
  return { name: `${mixture}-${layers}x${width}`, configuration, mixture };
}

export const CALIBRATION_MODELS: readonly SyntheticModel[] = [
  model('F16', [8, 512, 1_536], [8, 2, 64], 16_384),
  model('F16', [4, 2_048, 5_632], [16, 4, 128], 4_096),
  model('Q8_0', [24, 576, 1_536], [9, 3, 64], 32_768),
  model('Q8_0', [5, 2_048, 8_192], [16, 4, 128], 8_192),
  model('Q4_0', [18, 768, 2_048], [12, 4, 64], 49_152),
  model('Q4_0', [8, 2_048, 5_632], [32, 4, 64], 8_192),
  model('Q4_1', [20, 640, 1_792], [10, 5, 64], 32_768),
  model('Q4_1', [8, 2_048, 5_632], [16, 8, 128], 8_192),
  model('Q4_K', [16, 768, 2_048], [12, 4, 64], 98_304),
  model('Q4_K', [6, 2_048, 8_192], [16, 4, 128], 4_096),
  model('Q6_K', [12, 768, 2_048], [12, 4, 64], 65_536),
  model('Q6_K', [6, 2_048, 5_632], [32, 8, 64], 4_096),
];

/** Each model twice: two contexts tell apart what a layer costs and what its attention costs. */
export const CALIBRATION_EFFORTS: readonly Effort[] = [
  { runs: 2, promptWords: 32, answerTokens: 16 },
  { runs: 2, promptWords: 192, answerTokens: 16 },
];
