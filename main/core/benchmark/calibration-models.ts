/**
 * The synthetic models that costs are fitted on: each type twice, in shapes that differ in width, depth and
 * vocabulary, so that the parts of a token's cost can be told apart. Each is larger than the last cache of
 * most processors, because the models that people serve are.
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
  model('F16', [4, 1_024, 2_816], [16, 4, 64], 4_096),
  model('Q8_0', [24, 576, 1_536], [9, 3, 64], 32_768),
  model('Q8_0', [5, 1_280, 3_456], [10, 2, 128], 8_192),
  model('Q4_0', [18, 768, 2_048], [12, 4, 64], 49_152),
  model('Q4_0', [5, 1_536, 4_096], [12, 2, 128], 8_192),
  model('Q4_1', [20, 640, 1_792], [10, 5, 64], 32_768),
  model('Q4_1', [5, 1_536, 4_096], [24, 8, 64], 8_192),
  model('Q4_K', [16, 768, 2_048], [12, 4, 64], 98_304),
  model('Q4_K', [4, 2_048, 5_632], [16, 4, 128], 4_096),
  model('Q6_K', [12, 768, 2_048], [12, 4, 64], 16_384),
  model('Q6_K', [4, 1_536, 4_096], [12, 2, 128], 4_096),
  model('Q4_K_M', [8, 1_024, 3_072], [16, 8, 128], 65_536),
];

/** Each model twice: two contexts tell apart what a layer costs and what its attention costs. */
export const CALIBRATION_EFFORTS: readonly Effort[] = [
  { runs: 3, promptWords: 32, answerTokens: 16 },
  { runs: 3, promptWords: 192, answerTokens: 16 },
];
