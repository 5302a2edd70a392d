/** The models section of the fake agent: one model in each situation that a card can show. */
import type { AgentState, ModelEntry } from '../../shared/api/state.ts';
import { MODEL } from './agent-history.ts';
import type { View } from './agent-state.ts';

export function modelsOf(view: View): AgentState['models'] {
  const { busy, nowMs } = view;
  return {
    calibration: {
      state: busy ? 'done' : 'never',
      progress: null,
      atMs: busy ? nowMs - 3_600_000 : null,
      disturbed: busy ? false : null,
      error: null,
    },
    models: [
      measuredModel(view),
      predictedModel(view),
      tightModel(view),
      codeModel(view),
      embeddingModel(view),
      tooLargeModel(view),
      tinyModel(view),
    ],
    quotes: busy
      ? [
          {
            model: MODEL,
            price: { inputPerMillion: '18000', outputPerMillion: '74000' },
            batchPrice: { inputPerMillion: '14400', outputPerMillion: '59200' },
            reason: 'market',
          },
        ]
      : [],
    engineServers: busy ? [engineServer()] : [],
    usedBytes: busy ? 2_511_332_768 : 3_400_000,
    budgetBytes: 20_000_000_000,
  };
}

/** A server on this machine with one model that was tried and one that can't be sold. */
function engineServer(): AgentState['models']['engineServers'][number] {
  return {
    ...{ id: 'ollama', kind: 'ollama', url: 'http://127.0.0.1:11434', address: '127.0.0.1' },
    ...{ hasKey: false, isHere: true, canUnload: true, state: 'reachable', version: '0.40.12' },
    models: [
      {
        ...{ id: 'ollama/llama3.2:3b', name: 'llama3.2:3b', contextTokens: 4_096, quantisation: 'Q4_K_M' },
        ...{ features: ['tools', 'json'], problem: null, active: false, decodeTokensPerSecond: 42 },
      },
      {
        ...{ id: 'ollama/bge-m3', name: 'bge-m3', contextTokens: null, quantisation: null, features: null },
        ...{
          problem: 'The model doesn’t answer a chat request.',
          active: false,
          decodeTokensPerSecond: null,
        },
      },
    ],
  };
}

/** Served and measured; its download failed if the machine isn't busy. */
function measuredModel({ busy, known, nowMs }: View): ModelEntry {
  const atMs = nowMs - 3_600_000;
  const entry = model({
    id: MODEL,
    name: 'SmolLM2 135M Instruct',
    publisher: 'HuggingFaceTB',
    license: 'Apache-2.0',
    parameters: '135M',
    quantisation: 'Q4_1',
    contextTokens: 8192,
    sizeBytes: 94_000_000,
    fit: known ? 'fits' : 'unknown',
  });
  if (!busy) {
    const error = 'No source could be reached: the model hub and the package registry were tried.';
    return { ...entry, state: 'failed', error };
  }
  return {
    ...entry,
    state: 'ready',
    active: true,
    speed: {
      measured: { decodeTokensPerSecond: 61, prefillTokensPerSecond: 340, atMs },
      predicted: null,
      score: { predictedTokensPerSecond: 57.3, measuredTokensPerSecond: 61, errorPercent: 6.1, atMs },
    },
  };
}

/** Being downloaded, with a predicted speed, if the machine is busy. */
function predictedModel({ busy, known, nowMs }: View): ModelEntry {
  const sizeBytes = 807_694_464;
  const entry = model({
    id: 'llama-3.2-1b-instruct-q4_k_m',
    name: 'Llama 3.2 1B Instruct',
    publisher: 'Meta',
    license: 'Llama 3.2 Community',
    parameters: '1.2B',
    quantisation: 'Q4_K_M',
    contextTokens: 131_072,
    sizeBytes,
    fit: known ? 'fits' : 'unknown',
  });
  if (!busy) return entry;
  return {
    ...entry,
    state: 'downloading',
    progress: {
      receivedBytes: 312_400_000,
      totalBytes: sizeBytes,
      bytesPerSecond: 8_400_000,
      source: 'model hub',
    },
    speed: {
      measured: null,
      predicted: {
        decodeTokensPerSecond: 11.4,
        prefillTokensPerSecond: 38.2,
        uncertaintyPercent: 12,
        atMs: nowMs - 3_600_000,
        backend: 'cpu',
        threads: 1,
      },
      score: null,
    },
  };
}

function tightModel({ busy, known }: View): ModelEntry {
  return model({
    id: 'qwen2.5-3b-instruct-q4_k_m',
    name: 'Qwen2.5 3B Instruct',
    publisher: 'Qwen',
    license: 'Qwen Research',
    parameters: '3.1B',
    quantisation: 'Q4_K_M',
    contextTokens: 32_768,
    sizeBytes: 2_104_932_768,
    fit: known ? 'tight' : 'unknown',
    state: busy ? 'ready' : 'absent',
  });
}

/** A mixture of experts that exceeds the GPU. */
function codeModel({ known }: View): ModelEntry {
  return model({
    id: 'qwen3-coder-30b-a3b-instruct',
    name: 'Qwen3 Coder 30B-A3B Instruct',
    publisher: 'Alibaba Cloud',
    license: 'Apache-2.0',
    parameters: '30.5B',
    activeParameters: '3.3B',
    quantisation: 'Q4_K_M',
    contextTokens: 262_144,
    sizeBytes: 18_556_689_568,
    fit: known ? 'partly' : 'unknown',
    suits: known ? 'partly' : 'unknown',
    strengths: ['code'],
  });
}

function embeddingModel({ known }: View): ModelEntry {
  return model({
    id: 'qwen3-embedding-0.6b',
    name: 'Qwen3 Embedding 0.6B',
    publisher: 'Alibaba Cloud',
    license: 'Apache-2.0',
    parameters: '0.6B',
    quantisation: 'Q8_0',
    contextTokens: 32_768,
    sizeBytes: 639_150_592,
    fit: known ? 'fits' : 'unknown',
    use: 'embedding',
    strengths: ['embedding'],
    bestFor: known ? ['embedding'] : [],
  });
}

function tooLargeModel({ known }: View): ModelEntry {
  return model({
    id: 'llama-3.1-8b-instruct-q4_k_m',
    name: 'Llama 3.1 8B Instruct',
    publisher: 'Meta',
    license: 'Llama 3.1 Community',
    parameters: '8.0B',
    quantisation: 'Q4_K_M',
    contextTokens: 131_072,
    sizeBytes: known ? 4_920_739_232 : null,
    fit: known ? 'does-not-fit' : 'unknown',
  });
}

function tinyModel({ scenario, known }: View): ModelEntry {
  return model({
    id: 'idlewatt-tiny',
    name: 'Idlewatt Tiny',
    publisher: 'Idlewatt',
    license: 'MIT',
    parameters: '0.8M',
    quantisation: 'F16',
    contextTokens: 512,
    sizeBytes: 3_400_000,
    fit: known ? 'fits' : 'unknown',
    state: 'ready',
    active: scenario === 'empty',
    bundled: true,
  });
}

type Facts =
  | 'id'
  | 'name'
  | 'publisher'
  | 'license'
  | 'parameters'
  | 'quantisation'
  | 'contextTokens'
  | 'sizeBytes';

/** A catalog entry; absent and without known speed unless given. */
function model(entry: Pick<ModelEntry, Facts> & Partial<ModelEntry>): ModelEntry {
  return {
    sha256: '7a'.repeat(32),
    fit: 'fits',
    state: 'absent',
    progress: null,
    error: null,
    active: false,
    further: false,
    bundled: false,
    own: false,
    use: 'chat',
    released: null,
    activeParameters: null,
    strengths: ['chat'],
    suits: 'good',
    bestFor: [],
    link: null,
    speed: { measured: null, predicted: null, score: null },
    ...entry,
  };
}
