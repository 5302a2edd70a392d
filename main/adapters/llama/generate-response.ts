/** The generation loop: prefills the prompt in chunks and decodes the response token by token. */
import {
  type LlamaContextSequence,
  LlamaGrammarEvaluationState,
  type LlamaModel,
  type SequenceEvaluateOptions,
  type Token,
} from 'node-llama-cpp';
import type { TokenLogprob } from '../../../shared/answer-pieces.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import { AppError } from '../../../shared/errors.ts';
import type { EngineCommand, EngineEvent } from '../../ports/engine-process.ts';
import type { ParsedPiece } from './answer-parser.ts';
import type { Template, TokenizedPrompt } from './chat-template.ts';
import type { Duty } from './duty.ts';
import { createResponseText, type ResponseText } from './response-text.ts';
import { createChoice, samplerOptions } from './sampling.ts';
import { responseGrammar } from './tool-format.ts';

/**
 * Prompt tokens computed between two checks of the abort signal. On a CPU small batches cost little (measured: 212
 * instead of 216 tokens/s), so the engine stops sooner; on a GPU they would cost more.
 */
const PREFILL_CHUNK_TOKENS = { cpu: 128, gpu: 512 };

export interface ResponseOptions {
  readonly model: LlamaModel;
  readonly sequence: LlamaContextSequence;
  readonly template: Template;
  readonly contextTokens: number;
  readonly command: Extract<EngineCommand, { type: 'generate' }>;
  readonly signal: AbortSignal;
  /** Receives `start` and `text`. */
  readonly emit: (event: EngineEvent) => void;
  readonly duty: Duty;
}

type EndReason = Extract<EngineEvent, { type: 'end' }>['reason'];

/** Returns the `end` event. Fails with `bad-request` for an empty prompt and `context-exceeded` for a long one. */
export async function generateResponse(options: ResponseOptions): Promise<EngineEvent> {
  const { command, emit, signal } = options;
  const { id } = command;
  const times = startTimes();
  const prompt = tokenizePrompt(options);
  const inputTokens = prompt.tokens.length;
  emit({ type: 'start', id, inputTokens });

  let outputTokens = 0;
  const logprobs: TokenLogprob[] = [];
  const deliver = (pieces: readonly ParsedPiece[]) => {
    for (const { tokens, toolCalls, ...piece } of pieces) {
      outputTokens += tokens.length;
      const known = logprobs.splice(0, tokens.length);
      emit({
        ...{ type: 'text', id, ...piece, tokens: [...tokens] },
        ...(toolCalls && { toolCalls: [...toolCalls] }),
        ...(known.length > 0 && { logprobs: known }),
      });
    }
  };
  const text = createResponseText({ ...options, ...command.request, tokenized: prompt });
  const sampler = await createSampler(options);
  const rest = await prefillChunks(options, prompt.tokens);
  const unread = { ...prompt, tokens: rest };
  const decoded = await decode({ ...options, prompt: unread, text, deliver, times, sampler, logprobs });
  const measured = times.finish();
  if (!signal.aborted) deliver(text.flush(decoded.stopped));
  const hasCalls = decoded.reason === 'stop' && text.parser.calls() > 0;
  const reason = signal.aborted ? 'aborted' : hasCalls ? 'tool_calls' : decoded.reason;
  const readTokens = times.hasFirstToken() ? inputTokens : inputTokens - rest.length;
  return { type: 'end', id, reason, inputTokens, readTokens, outputTokens, ...measured };
}

function tokenizePrompt({ template, command, contextTokens }: ResponseOptions): TokenizedPrompt {
  const { prompt, maxTokens } = command.request;
  const tokenized = template.tokenize(prompt);
  const inputTokens = tokenized.tokens.length;
  if (inputTokens === 0) throw new AppError('bad-request', 'The prompt is empty.');
  if (inputTokens + maxTokens > contextTokens) {
    throw contextExceeded(inputTokens, maxTokens, contextTokens);
  }
  return tokenized;
}

/** The sampler's options, and for reported probabilities the choice that replaces the sampler's. */
interface Sampler {
  readonly options: SequenceEvaluateOptions;
  readonly choose: ReturnType<typeof createChoice> | null;
  /** Tokens of the response so far. */
  readonly generated: Token[];
}

async function createSampler({ model, template, command }: ResponseOptions): Promise<Sampler> {
  const { request } = command;
  const seed = request.seed ?? Math.floor(Math.random() * 2 ** 32);
  const generated: Token[] = [];
  const grammar = responseGrammar(request.prompt, request.json ?? null, template.tools);
  const state = grammar === null ? undefined : await grammarState(model, grammar);
  const { topLogprobs = null } = request;
  return {
    generated,
    options: {
      ...samplerOptions(model, request, seed, generated),
      ...(state && { grammarEvaluationState: state }),
    },
    choose: topLogprobs === null ? null : createChoice(model, request, seed, generated),
  };
}

async function grammarState(model: LlamaModel, text: string): Promise<LlamaGrammarEvaluationState> {
  try {
    const grammar = await model.llama.createGrammar({ grammar: text });
    return new LlamaGrammarEvaluationState({ model, grammar });
  } catch (cause) {
    throw new AppError('bad-request', 'The engine can’t use this JSON schema.', {
      cause,
      details: { param: 'response_format', code: 'invalid_json_schema' },
    });
  }
}

/** Computes whole chunks of the prompt and returns the remaining tokens, at least one unless aborted. */
async function prefillChunks(
  { model, sequence, duty, signal }: ResponseOptions,
  prompt: Token[],
): Promise<Token[]> {
  const chunkTokens = PREFILL_CHUNK_TOKENS[model.llama.gpu === false ? 'cpu' : 'gpu'];
  let done = 0;
  while (prompt.length - done > chunkTokens && !signal.aborted) {
    await duty.turn(signal);
    if (signal.aborted) break;
    const chunk = prompt.slice(done, done + chunkTokens);
    await duty.busy(() => sequence.evaluateWithoutGeneratingNewTokens(chunk));
    done += chunk.length;
  }
  return prompt.slice(done);
}

interface DecodeOptions extends ResponseOptions {
  /** Rest of the prompt, and the tokens that end the response. */
  readonly prompt: TokenizedPrompt;
  readonly text: ResponseText;
  readonly deliver: (pieces: readonly ParsedPiece[]) => void;
  readonly times: PhaseTimes;
  readonly sampler: Sampler;
  /** Receives the probabilities of each token. */
  readonly logprobs: TokenLogprob[];
}

/** Decodes until the response ends. `stopped` is true if a stop string was found. */
async function decode(options: DecodeOptions): Promise<{ reason: EndReason; stopped: boolean }> {
  const { command, duty, signal, prompt, text, deliver, times, sampler } = options;
  const { maxTokens } = command.request;
  const isSingleCall = command.request.prompt.kind === 'chat' && command.request.prompt.isSingleCall === true;
  const tokens = nextTokens(options);
  try {
    while (true) {
      await duty.turn(signal);
      if (signal.aborted) break;
      const token = await duty.busy(() => tokens.next());
      times.markFirstToken();
      if (token === null || signal.aborted || prompt.ends.has(token)) break;
      sampler.generated.push(token);
      const { pieces, stopped } = text.push(token);
      deliver(pieces);
      if (stopped) return { reason: 'stop', stopped };
      if (isSingleCall && text.parser.completeCalls() > 0) break;
      if (sampler.generated.length >= maxTokens) return { reason: 'length', stopped };
    }
    return { reason: 'stop', stopped: false };
  } finally {
    await tokens.end();
  }
}

interface NextTokens {
  /** Resolves to null at the end of the response. */
  next(): Promise<Token | null>;
  end(): Promise<unknown>;
}

function nextTokens({ sequence, prompt, sampler, model, logprobs }: DecodeOptions): NextTokens {
  const { choose, options } = sampler;
  if (choose === null) {
    const tokens = sequence.evaluate(prompt.tokens, options);
    return {
      async next() {
        const { value, done } = await tokens.next();
        return done ? null : value;
      },
      end: () => tokens.return(),
    };
  }
  // The library continues with the token that it gets. One that ends the response must be reported, too: our
  // choice may be another one.
  const withMetadata = sequence.evaluateWithMetadata(
    prompt.tokens,
    { probabilities: true },
    { ...options, yieldEogToken: true },
  );
  let chosen: Token | undefined;
  return {
    async next() {
      const { value, done } = await withMetadata.next(chosen);
      if (done) return null;
      const choice = choose(value.probabilities);
      chosen = choice.token;
      if (model.isEogToken(choice.token)) return null;
      logprobs.push(choice.logprob);
      return choice.token;
    },
    end: () => withMetadata.return(),
  };
}

type EndTimes = Pick<Extract<EngineEvent, { type: 'end' }>, 'prefillMs' | 'decodeMs' | 'cpu'>;

interface PhaseTimes {
  /** Ends the prefill phase; ignored after the first call. */
  markFirstToken(): void;
  /** True when the whole prompt was computed. */
  hasFirstToken(): boolean;
  finish(): EndTimes;
}

function startTimes(): PhaseTimes {
  const sample = () => ({ wallMs: performance.now(), cpuMs: cpuMs() });
  const start = sample();
  let firstToken: ReturnType<typeof sample> | null = null;
  return {
    markFirstToken() {
      firstToken ??= sample();
    },
    hasFirstToken: () => firstToken !== null,
    finish() {
      const end = sample();
      const decodeStart = firstToken ?? end;
      return {
        prefillMs: decodeStart.wallMs - start.wallMs,
        decodeMs: end.wallMs - decodeStart.wallMs,
        cpu: { prefillMs: decodeStart.cpuMs - start.cpuMs, decodeMs: end.cpuMs - decodeStart.cpuMs },
      };
    },
  };
}

/** Returns the CPU time of this process so far; it includes other sequences. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}
