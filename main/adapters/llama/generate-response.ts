/** The generation loop: prefills the prompt in parts and decodes the response token by token, in the common steps. */

import { createHash } from 'node:crypto';
import type { EvaluationPriority, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import type { TokenLogprob } from '../../../shared/answer-pieces.ts';
import type { AppliedSampling } from '../../../shared/applied-sampling.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import { AppError } from '../../../shared/errors.ts';
import type { EngineCommand, EngineEvent } from '../../ports/engine-process.ts';
import type { ParsedPiece } from './answer-parser.ts';
import type { Template, TokenizedPrompt } from './chat-template.ts';
import { openGrammar } from './grammar-state.ts';
import { type NextTokens, nextTokens, type Sampler, type TokenParts } from './next-tokens.ts';
import { promptHash } from './prompt-hash.ts';
import { createResponseText, type ResponseText } from './response-text.ts';
import { createChoice, planSampling, type SamplingPlan, samplerOptions } from './sampling.ts';
import type { Lent, SequencePool } from './sequence-pool.ts';
import type { Steps, Turns } from './steps.ts';
import { responseGrammar } from './tool-format.ts';

export interface ResponseOptions {
  readonly model: LlamaModel;
  readonly pool: SequencePool<LlamaContextSequence>;
  readonly steps: Steps;
  readonly template: Template;
  readonly contextTokens: number;
  readonly command: Extract<EngineCommand, { type: 'generate' }>;
  readonly signal: AbortSignal;
  /** Receives `start` and `text`. */
  readonly emit: (event: EngineEvent) => void;
}

type EndReason = Extract<EngineEvent, { type: 'end' }>['reason'];

/** Returns the `end` event. Fails with `bad-request` for an empty prompt and `context-exceeded` for a long one. */
export async function generateResponse(options: ResponseOptions): Promise<EngineEvent> {
  const { command, pool, steps } = options;
  const times = startTimes();
  const prompt = tokenizePrompt(options, command.request.maxTokens);
  const lent = pool.lend(prompt.tokens, command.request.requester ?? null);
  const turns = steps.enter(lent.id);
  let isSound = false;
  try {
    await lent.prepare();
    const end = await generateOn({ ...options, prompt, lent, turns, times });
    isSound = true;
    return end;
  } finally {
    turns.leave();
    await lent.release(isSound);
  }
}

interface LentOptions extends ResponseOptions {
  readonly prompt: TokenizedPrompt;
  readonly lent: Lent<LlamaContextSequence>;
  readonly turns: Turns;
  readonly times: PhaseTimes;
}

async function generateOn(options: LentOptions): Promise<EngineEvent> {
  const { command, emit, signal, prompt, lent, times } = options;
  const { id } = command;
  const { cachedTokens } = lent;
  const inputTokens = prompt.tokens.length;
  const plan = planSampling(command.request);
  emit({
    type: 'start',
    id,
    inputTokens,
    cachedTokens,
    sampling: appliedSampling(options, plan, prompt.tokens),
  });

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
  const sampler = await createSampler(options, plan);
  const decoded = await decode({ ...options, text, deliver, sampler, logprobs });
  const measured = times.finish();
  if (!signal.aborted) deliver(text.flush(decoded.stopped));
  const hasCalls = decoded.reason === 'stop' && text.parser.calls() > 0;
  const reason = signal.aborted ? 'aborted' : hasCalls ? 'tool_calls' : decoded.reason;
  const { readTokens } = decoded;
  return { type: 'end', id, reason, inputTokens, cachedTokens, readTokens, outputTokens, ...measured };
}

/** Fails with `bad-request` for an empty prompt, and with `context-exceeded` if the answer may not fit behind it. */
export function tokenizePrompt(
  { template, command, contextTokens }: Pick<ResponseOptions, 'template' | 'command' | 'contextTokens'>,
  answerTokens: number,
): TokenizedPrompt {
  const tokenized = template.tokenize(command.request.prompt);
  const inputTokens = tokenized.tokens.length;
  if (inputTokens === 0) throw new AppError('bad-request', 'The prompt is empty.');
  if (inputTokens + answerTokens > contextTokens) {
    throw contextExceeded(inputTokens, answerTokens, contextTokens);
  }
  return tokenized;
}

/** Returns how the response is sampled, and what from: hashes of the prompt's tokens and of the grammar. */
export function appliedSampling(
  options: Pick<ResponseOptions, 'template' | 'command'>,
  plan: SamplingPlan,
  prompt: readonly Token[],
): AppliedSampling {
  const grammar = grammarOf(options);
  return {
    ...{ ...plan, promptHash: promptHash(prompt) },
    ...(grammar !== null && { grammarHash: createHash('sha256').update(grammar).digest('hex') }),
  };
}

/** Returns the grammar that the request binds the response to; null for none. */
export function grammarOf({ template, command }: Pick<ResponseOptions, 'template' | 'command'>) {
  const { prompt, json = null } = command.request;
  return responseGrammar(prompt, json, template.tools);
}

async function createSampler(options: ResponseOptions, plan: SamplingPlan): Promise<Sampler> {
  const { model, command } = options;
  const { request } = command;
  const generated: Token[] = [];
  const text = grammarOf(options);
  const grammar = text === null ? null : await openGrammar(model, text);
  const choose = createChoice(model, request, plan, grammar);
  const surroundings = { generated: () => generated, isBound: grammar !== null };
  return {
    ...{ generated, choose, grammar },
    options: {
      ...samplerOptions(model, request, plan, surroundings),
      // The library's own choice adds its tokens to the grammar that it gets.
      ...(choose === null && grammar !== null && { grammarEvaluationState: grammar.copy() }),
    },
  };
}

interface DecodeOptions extends LentOptions, TokenParts {
  readonly lent: LentOptions['lent'];
  readonly text: ResponseText;
  readonly deliver: (pieces: readonly ParsedPiece[]) => void;
}

interface Decoded {
  readonly reason: EndReason;
  /** True if a stop string was found. */
  readonly stopped: boolean;
  /** Prompt tokens that were computed, or had been before; none if nothing was computed now. */
  readonly readTokens: number;
}

/** Reads the prompt and decodes until the response ends. */
async function decode(options: DecodeOptions): Promise<Decoded> {
  const { command, signal, prompt, text, deliver, times, turns, sampler } = options;
  const { maxTokens, stop } = command.request;
  const isSingleCall = command.request.prompt.kind === 'chat' && command.request.prompt.isSingleCall === true;
  // Only then does the text decide whether the response continues.
  const endsByText = stop.length > 0 || isSingleCall;
  const answer = openAnswer(options);
  const tail = createTail((token) => deliver(text.push(token).pieces));
  const ended = (reason: EndReason, stopped: boolean) => ({
    reason,
    stopped,
    readTokens: answer.readTokens(),
  });
  try {
    while (true) {
      const compute = (granted: number) => {
        tail.begun();
        return answer.compute(granted);
      };
      const next = await turns.take(answer.tokensLeft(), compute, signal);
      if (next === 'read') continue;
      if (next !== null) times.markFirstToken();
      if (next === null || next === 'over' || signal.aborted || prompt.ends.has(next)) break;
      sampler.generated.push(next);
      if (endsByText) {
        const { pieces, stopped } = text.push(next);
        deliver(pieces);
        if (stopped) return ended('stop', stopped);
        if (isSingleCall && text.parser.completeCalls() > 0) break;
      } else tail.add(next);
      if (sampler.generated.length >= maxTokens) return ended('length', false);
    }
    return ended('stop', false);
  } finally {
    tail.handle();
    await answer.close();
  }
}

/** Generated tokens that are handled while the next step computes, so that this takes no time between two steps. */
interface Tail {
  add(token: Token): void;
  /** To be called when the next step begins. */
  begun(): void;
  /** Handles what was added, now. */
  handle(): void;
}

function createTail(handleToken: (token: Token) => void): Tail {
  let tokens: Token[] = [];
  const handle = () => {
    const added = tokens;
    tokens = [];
    for (const token of added) handleToken(token);
  };
  return {
    add: (token) => void tokens.push(token),
    begun() {
      // The library begins a batch in the next turn of the event loop.
      if (tokens.length > 0) setImmediate(() => setImmediate(handle));
    },
    handle,
  };
}

/** The tokens of one response, computed as they are asked for. */
interface OpenAnswer {
  /** Tokens that the next step could compute: those of the prompt that are left, then one. */
  tokensLeft(): number;
  /** Returns the next token, `read` if only a part of the prompt was computed, or `over` at the model's own end. */
  compute(granted: number): Promise<Token | 'read' | 'over'>;
  readTokens(): number;
  close(): Promise<void>;
}

function openAnswer(options: DecodeOptions): OpenAnswer {
  const { lent, prompt } = options;
  const { sequence, id, cachedTokens } = lent;
  // Orders the batch by sequence. The type names 1 to 5, but it is a number that only our batching strategy reads.
  const evaluationPriority = (id + 1) as EvaluationPriority;
  let rest = prompt.tokens.slice(cachedTokens);
  let tokens: NextTokens | null = null;
  return {
    tokensLeft: () => Math.max(1, rest.length),
    async compute(granted) {
      if (granted < rest.length) {
        const part = rest.slice(0, granted);
        await sequence.evaluateWithoutGeneratingNewTokens(part, { evaluationPriority });
        rest = rest.slice(granted);
        return 'read';
      }
      tokens ??= nextTokens(options, rest, evaluationPriority);
      const next = await tokens.next();
      rest = [];
      return next ?? 'over';
    },
    readTokens: () =>
      rest.length < prompt.tokens.length - cachedTokens ? prompt.tokens.length - rest.length : 0,
    async close() {
      await tokens?.end();
    },
  };
}

type EndTimes = Pick<Extract<EngineEvent, { type: 'end' }>, 'prefillMs' | 'decodeMs' | 'cpu'>;

interface PhaseTimes {
  /** Ends the prefill phase; ignored after the first call. */
  markFirstToken(): void;
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
