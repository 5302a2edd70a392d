/**
 * The shapes of the catalogue's models, so that their speed can be predicted before a file is here. The
 * numbers are those of each publisher's `config.json` for the model as released, and are checked against
 * what the catalogue states of its file: size, and memory for each token of context.
 */
import type { Configuration, Mixture } from '../gguf/index.ts';
import { DEFAULT_MODEL_ID, TINY_MODEL_ID } from './catalogue.ts';

export interface ModelFacts {
  readonly configuration: Configuration;
  readonly mixture: Mixture;
}

const FACTS: Readonly<Record<string, ModelFacts>> = {
  // HuggingFaceTB/SmolLM2-135M-Instruct; compared with the header of the file itself.
  [DEFAULT_MODEL_ID]: {
    configuration: {
      layers: 30,
      width: 576,
      feedForward: 1_536,
      heads: 9,
      keyHeads: 3,
      headWidth: 64,
      vocabulary: 49_152,
      tied: true,
    },
    mixture: 'Q4_1',
  },
  // Qwen/Qwen2.5-1.5B-Instruct. The model ties its embeddings; by its size this file holds the matrix twice.
  'qwen2.5-1.5b-instruct': {
    configuration: {
      layers: 28,
      width: 1_536,
      feedForward: 8_960,
      heads: 12,
      keyHeads: 2,
      headWidth: 128,
      vocabulary: 151_936,
      tied: false,
    },
    mixture: 'Q4_K_M',
  },
  // Qwen/Qwen3-4B.
  'qwen3-4b': {
    configuration: {
      layers: 36,
      width: 2_560,
      feedForward: 9_728,
      heads: 32,
      keyHeads: 8,
      headWidth: 128,
      vocabulary: 151_936,
      tied: true,
    },
    mixture: 'Q4_K_M',
  },
  // mistralai/Mistral-7B-Instruct-v0.3.
  'mistral-7b-instruct-v0.3': {
    configuration: {
      layers: 32,
      width: 4_096,
      feedForward: 14_336,
      heads: 32,
      keyHeads: 8,
      headWidth: 128,
      vocabulary: 32_768,
      tied: false,
    },
    mixture: 'Q4_K_M',
  },
  // Made by scripts/generators/make-tiny-model.ts.
  [TINY_MODEL_ID]: {
    configuration: {
      layers: 2,
      width: 64,
      feedForward: 128,
      heads: 4,
      keyHeads: 2,
      headWidth: 16,
      vocabulary: 640,
      tied: false,
    },
    mixture: 'F32',
  },
};

/** Null for a model whose configuration we do not know. */
export function modelFacts(id: string): ModelFacts | null {
  return Object.hasOwn(FACTS, id) ? (FACTS[id] ?? null) : null;
}
