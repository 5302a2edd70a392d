/** One loaded model: its context, its sequences, its chat template, and the loop that makes an answer. */
import { existsSync } from 'node:fs';
import {
  type ChatHistoryItem,
  type ChatWrapper,
  GgufFileType,
  InsufficientMemoryError,
  JinjaTemplateChatWrapper,
  type LlamaContextSequence,
  type LlamaModel,
  resolveChatWrapper,
  type Token,
} from 'node-llama-cpp';
import { forceUnwrap } from '../../../shared/assert.ts';
import { AppError } from '../../../shared/errors.ts';
import type { EngineCommand, EngineEvent, LoadedReport } from '../../ports/engine-process.ts';
import { createAnswerText, type TextPiece } from './answer-text.ts';
import { type Llamas, type Placed, place } from './card-memory.ts';
import type { Duty } from './duty.ts';

type LoadCommand = Extract<EngineCommand, { type: 'load' }>;
type GenerateCommand = Extract<EngineCommand, { type: 'generate' }>;

/**
 * Prompt tokens computed between two looks at the abort signal. A processor takes about as long for them in
 * small batches (measured: 212 against 216 tokens a second), so the machine is given back sooner; a GPU does not.
 */
const PREFILL_CHUNK_TOKENS = { cpu: 128, gpu: 512 };

export interface LlamaRunner {
  readonly report: Omit<LoadedReport, 'sandbox'>;
  /** Emits `start` and `text`, and gives back the `end` when the sequence is free; expected failures are AppErrors. */
  generate(
    command: GenerateCommand,
    signal: AbortSignal,
    emit: (event: EngineEvent) => void,
  ): Promise<EngineEvent>;
  dispose(): Promise<void>;
}

/** Fails with `model-unavailable` when the file cannot be read as a model or does not fit into memory. */
export async function loadRunner(llamas: Llamas, command: LoadCommand, duty: Duty): Promise<LlamaRunner> {
  const startedAtMs = performance.now();
  if (!existsSync(command.path)) throw new AppError('model-unavailable', 'The model file is missing.');
  let placed: Placed;
  try {
    placed = await place(llamas, command);
  } catch (error) {
    const memory = error instanceof InsufficientMemoryError;
    throw new AppError(
      'model-unavailable',
      memory ? 'The model does not fit into the free memory.' : 'The file could not be loaded as a model.',
      { cause: error, details: { reason: memory ? 'memory' : 'file' } },
    );
  }
  const { model: loaded, context } = placed;
  const { gpu } = loaded.llama;
  const free = Array.from({ length: command.sequences }, () => context.getSequence());
  const contextTokens = Math.min(command.contextTokens, loaded.trainContextSize, context.contextSize);
  const template = createTemplate(loaded);
  return {
    report: {
      contextTokens,
      sequences: command.sequences,
      threads: context.currentThreads,
      backend: gpu === false ? 'cpu' : gpu,
      loadMs: performance.now() - startedAtMs,
      quantisation: quantisation(loaded),
      parameterCount: parameterCount(loaded),
    },
    async generate(generate, signal, emit) {
      const sequence = forceUnwrap('the supervisor sends no more requests than sequences', free.pop());
      try {
        return await answer({
          model: loaded,
          sequence,
          template,
          contextTokens,
          command: generate,
          signal,
          emit,
          duty,
        });
      } finally {
        // Nothing of one requester stays for the next.
        await sequence.clearHistory();
        free.push(sequence);
      }
    },
    async dispose() {
      await context.dispose();
      await loaded.dispose();
    },
  };
}

interface Answer {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  readonly template: Template;
  readonly contextTokens: number;
  readonly command: GenerateCommand;
  readonly signal: AbortSignal;
  readonly emit: (event: EngineEvent) => void;
  readonly duty: Duty;
}

async function answer({
  model,
  sequence,
  template,
  contextTokens,
  command,
  signal,
  emit,
  duty,
}: Answer): Promise<EngineEvent> {
  const { id, request } = command;
  const startedAtMs = performance.now();
  const startedCpuMs = cpuMs();
  const { tokens: prompt, ends } = template(request.prompt);
  const inputTokens = prompt.length;
  if (inputTokens === 0) throw new AppError('bad-request', 'The prompt is empty.');
  if (inputTokens + request.maxTokens > contextTokens) {
    throw new AppError('context-exceeded', 'Prompt and answer do not fit the context of the model.', {
      details: { inputTokens, maxTokens: request.maxTokens, contextTokens },
    });
  }
  emit({ type: 'start', id, inputTokens });

  const detokenize = (tokens: readonly number[], before: readonly number[]) =>
    model.detokenize(tokens as Token[], false, before as Token[]);
  // A text goes on with its next space, and so does an answer that has begun; a new one begins afresh.
  const goesOn = request.prompt.kind === 'text' || request.prompt.continuesLast;
  const text = createAnswerText(request.stop, detokenize, goesOn ? prompt : []);
  let outputTokens = 0;
  let generated = 0;
  let firstTokenAtMs: number | null = null;
  let firstTokenCpuMs: number | null = null;
  let reason: 'stop' | 'length' | 'aborted' = 'stop';
  const deliver = (piece: TextPiece | null) => {
    if (!piece) return;
    outputTokens += piece.tokens.length;
    emit({ type: 'text', id, text: piece.text, tokens: [...piece.tokens] });
  };

  let done = 0;
  const chunkTokens = PREFILL_CHUNK_TOKENS[model.llama.gpu === false ? 'cpu' : 'gpu'];
  while (inputTokens - done > chunkTokens && !signal.aborted) {
    await duty.turn(signal);
    if (signal.aborted) break;
    const chunk = prompt.slice(done, done + chunkTokens);
    await duty.busy(() => sequence.evaluateWithoutGeneratingNewTokens(chunk));
    done += chunk.length;
  }
  let stopped = false;
  const { temperature, topP } = request;
  const seed = request.seed ?? Math.floor(Math.random() * 2 ** 32);
  const tokens = sequence.evaluate(prompt.slice(done), { temperature, topP, seed });
  try {
    while (true) {
      await duty.turn(signal);
      if (signal.aborted) break;
      const { value: token, done: isOver } = await duty.busy(() => tokens.next());
      firstTokenAtMs ??= performance.now();
      firstTokenCpuMs ??= cpuMs();
      if (isOver || signal.aborted || ends.has(token)) break;
      generated += 1;
      const next = text.push(token);
      stopped = next.stopped;
      deliver(next.piece);
      if (stopped) break;
      if (generated >= request.maxTokens) {
        reason = 'length';
        break;
      }
    }
  } finally {
    await tokens.return();
  }
  const endedAtMs = performance.now();
  const endedCpuMs = cpuMs();
  if (signal.aborted) reason = 'aborted';
  else if (!stopped) deliver(text.flush());
  const decodeFromMs = firstTokenAtMs ?? endedAtMs;
  const decodeFromCpuMs = firstTokenCpuMs ?? endedCpuMs;
  return {
    type: 'end',
    id,
    reason,
    inputTokens,
    outputTokens,
    prefillMs: decodeFromMs - startedAtMs,
    decodeMs: endedAtMs - decodeFromMs,
    cpu: { prefillMs: decodeFromCpuMs - startedCpuMs, decodeMs: endedCpuMs - decodeFromCpuMs },
  };
}

/** Processor time of this process so far; that of other sequences is in it too. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Makes the prompt's tokens, and names the tokens that end an answer beside the model's own. */
type Template = (prompt: GenerateCommand['request']['prompt']) => { tokens: Token[]; ends: Set<Token> };

function createTemplate(model: LlamaModel): Template {
  const wrapper = chatWrapper(model);
  const { bos, shouldPrependBosToken } = model.tokens;
  const withBeginning = (tokens: Token[]) =>
    shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
  return (prompt) => {
    if (prompt.kind === 'text')
      return { tokens: withBeginning(model.tokenize(prompt.text)), ends: new Set() };
    const history = prompt.messages.map((message): ChatHistoryItem => {
      if (message.role === 'assistant') return { type: 'model', response: [message.content] };
      return { type: message.role, text: message.content };
    });
    // A wrapper leaves the last answer open, to be gone on with: a new one, or the one that has begun.
    if (!prompt.continuesLast) history.push({ type: 'model', response: [] });
    const state = wrapper.generateContextState({ chatHistory: history });
    const ends = new Set<Token>();
    for (const trigger of state.stopGenerationTriggers) {
      const [token, ...more] = trigger.tokenize(model.tokenizer);
      if (token !== undefined && more.length === 0 && model.isSpecialToken(token)) ends.add(token);
    }
    // Only the template's own text becomes special tokens; what people wrote stays text.
    return { tokens: withBeginning(state.contextText.tokenize(model.tokenizer)), ends };
  };
}

/** The model's own template first; a wrapper known for its family where there is none or it is broken. */
function chatWrapper(model: LlamaModel): ChatWrapper {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  if (template) {
    try {
      return new JinjaTemplateChatWrapper({ template, tokenizer: model.tokenizer });
    } catch {
      // Falls through to the family's wrapper.
    }
  }
  return resolveChatWrapper(model, { noJinja: true, warningLogs: false });
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
