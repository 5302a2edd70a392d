/** One loaded model: its context, its sequences, and its properties for the report. */
import { existsSync } from 'node:fs';
import { GgufFileType, InsufficientMemoryError, type LlamaModel, type Token } from 'node-llama-cpp';
import { AppError } from '../../../shared/errors.ts';
import type { ModelFeature } from '../../../shared/model-features.ts';
import type { EngineCommand, EngineEvent, LoadedReport } from '../../ports/engine-process.ts';
import { type Llamas, type Placed, place, promptTokensMax } from './card-memory.ts';
import { createTemplate, type Template } from './chat-template.ts';
import type { Duty } from './duty.ts';
import { createEmbedder, isEmbeddingModel } from './embed-texts.ts';
import { sampleFirstAlone } from './first-sample.ts';
import { generateResponse } from './generate-response.ts';
import { publicPrefixes } from './public-prefix.ts';
import { replayAnswer } from './replay-answer.ts';
import { createSequencePool } from './sequence-pool.ts';
import { createStepThreads } from './step-threads.ts';
import { createSteps } from './steps.ts';

/** Part of the machine that the model may use, which changes while it is loaded. */
export interface Pace {
  readonly duty: Duty;
  /** Threads of a step at most, below those of the load; null: those. */
  readonly threadsMax: () => number | null;
}

type LoadCommand = Extract<EngineCommand, { type: 'load' }>;
type GenerateCommand = Extract<EngineCommand, { type: 'generate' }>;

export interface LlamaRunner {
  readonly report: Omit<LoadedReport, 'sandbox'>;
  /** Emits `start`, `text`, `vectors` or `gaps`, and returns the `end` once the sequence is free. Expected failures are AppErrors. */
  generate(
    command: GenerateCommand,
    signal: AbortSignal,
    emit: (event: EngineEvent) => void,
  ): Promise<EngineEvent>;
  dispose(): Promise<void>;
}

/** Fails with `model-unavailable` if the file is not a readable model or does not fit into memory. */
export async function loadRunner(llamas: Llamas, command: LoadCommand, pace: Pace): Promise<LlamaRunner> {
  const { duty } = pace;
  const startedAtMs = performance.now();
  if (!existsSync(command.path))
    throw new AppError('model-unavailable', 'The model file is missing. Download the model again.');
  let placed: Placed;
  try {
    placed = await place(llamas, command);
  } catch (error) {
    const memory = error instanceof InsufficientMemoryError;
    throw new AppError(
      'model-unavailable',
      memory
        ? 'The model does not fit into the free memory. Close other programs or choose a smaller model.'
        : 'The model file could not be loaded. Verify the file or download it again.',
      { cause: error, details: { reason: memory ? 'memory' : 'file' } },
    );
  }
  const { model: loaded, context } = placed;
  const { gpu } = loaded.llama;
  if (!sampleFirstAlone(context))
    throw new AppError('model-unavailable', 'This version of the engine’s library is not supported.');
  const sequences = Array.from({ length: context.totalSequences }, () => context.getSequence());
  const contextTokens = Math.min(command.contextTokens, loaded.trainContextSize, context.contextSize);
  const template = createTemplate(loaded);
  const pool = createSequencePool(sequences, publicPrefixes(template));
  const threads = gpu === false ? createStepThreads(context, command.threads, pace.threadsMax) : null;
  const steps = createSteps(duty, promptTokensMax(gpu !== false), threads);
  const embedder = createEmbedder(loaded, {
    contextTokens,
    threads: command.threads,
    threadsMax: pace.threadsMax,
  });
  return {
    report: {
      contextTokens,
      sequences: context.totalSequences,
      threads: context.currentThreads,
      backend: gpu === false ? 'cpu' : gpu,
      loadMs: performance.now() - startedAtMs,
      quantisation: quantisation(loaded),
      parameterCount: parameterCount(loaded),
      features: isEmbeddingModel(loaded) ? ['embeddings'] : featuresOf(template),
    },
    async generate(generate, signal, emit) {
      const { prompt, claimedTokens } = generate.request;
      if (prompt.kind === 'embed')
        return embedder.embed(prompt.texts, { command: generate, signal, emit, duty });
      const options = {
        ...{ model: loaded, pool, steps, template, contextTokens },
        ...{ command: generate, signal, emit },
      };
      return claimedTokens === undefined
        ? generateResponse(options)
        : replayAnswer(options, claimedTokens as readonly Token[]);
    },
    async dispose() {
      await embedder.dispose();
      await context.dispose();
      await loaded.dispose();
    },
  };
}

function featuresOf({ tools, reasons }: Template): ModelFeature[] {
  const own: ModelFeature[] = [
    ...(tools === null ? [] : ['tools' as const]),
    ...(reasons ? ['reasoning' as const] : []),
  ];
  return ['json', 'logprobs', 'sampling', ...own];
}

function quantisation(model: LlamaModel): string {
  const fileType = model.fileInfo.metadata.general.file_type;
  const name = fileType === undefined ? undefined : GgufFileType[fileType];
  return (name ?? 'unknown').replace(/^(ALL_|MOSTLY_)/, '');
}

function parameterCount(model: LlamaModel): number | null {
  const tensors = model.fileInfo.fullTensorInfo ?? model.fileInfo.tensorInfo;
  if (!tensors) return null;
  return tensors.reduce(
    (sum, tensor) => sum + tensor.dimensions.reduce<number>((n, d) => n * Number(d), 1),
    0,
  );
}
