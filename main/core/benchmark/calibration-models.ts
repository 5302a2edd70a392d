/**
 * Synthetic models that the costs are fitted on: two per tensor type, in shapes that differ in width, depth and
 * vocabulary, so that the parts of a token's cost can be separated. One of the two is many times larger than a
 * last-level cache, like the models that are served: a model that fits into the cache runs up to a third faster, and
 * even at ten times the cache size part of that effect remains.
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
  model('F16', [6, 768, 2_048], [12, 4, 64], 16_384),
  model('F16', [20, 1_280, 3_584], [10, 2, 128], 4_096),
  model('Q8_0', [24, 576, 1_536], [6, 3, 96], 32_768),
  model('Q8_0', [22, 1_536, 4_608], [12, 4, 128], 8_192),
  model('Q4_0', [18, 768, 2_048], [12, 4, 64], 49_152),
  model('Q4_0', [28, 1_792, 4_864], [28, 4, 64], 8_192),
  model('Q4_1', [30, 512, 1_536], [8, 4, 64], 32_768),
  model('Q4_1', [24, 1_792, 4_864], [14, 7, 128], 8_192),
  model('Q4_K', [28, 512, 1_536], [8, 2, 96], 98_304),
  model('Q4_K', [20, 2_048, 6_144], [16, 4, 128], 4_096),
  model('Q6_K', [6, 1_024, 3_072], [16, 4, 64], 65_536),
  model('Q6_K', [22, 1_536, 5_120], [24, 6, 64], 4_096),
];

/** Measures each model twice: two context lengths separate the cost of a layer from the cost of its attention. */
export const CALIBRATION_EFFORTS: readonly Effort[] = [
  { runs: 2, runsMax: 6, promptWords: 64, answerTokens: 16 },
  { runs: 2, runsMax: 6, promptWords: 192, answerTokens: 16 },
];
