/** The generation loop: prefills the prompt in parts and decodes the response token by token, in the common steps. */
import type { EvaluationPriority, LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { AppError } from '../../../shared/errors.ts';
import type { EngineCommand, EngineEvent } from '../../ports/engine-process.ts';
import { type AnswerText, createAnswerText, type TextPiece } from './answer-text.ts';
import type { Template } from './chat-template.ts';
import type { Lent, SequencePool } from './sequence-pool.ts';
import type { Steps, Turns } from './steps.ts';

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

type TokenizedPrompt = ReturnType<Template>;
type EndReason = Extract<EngineEvent, { type: 'end' }>['reason'];

/** Returns the `end` event. Fails with `bad-request` for an empty prompt and `context-exceeded` for a long one. */
export async function generateResponse(options: ResponseOptions): Promise<EngineEvent> {
  const { command, pool, steps } = options;
  const times = startTimes();
  const prompt = tokenizePrompt(options);
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
  emit({ type: 'start', id, inputTokens, cachedTokens });

  let outputTokens = 0;
  const deliver = (piece: TextPiece | null) => {
    if (!piece) return;
    outputTokens += piece.tokens.length;
    emit({ type: 'text', id, text: piece.text, tokens: [...piece.tokens] });
  };
  const text = createText(options, prompt);
  const decoded = await decode({ ...options, text, deliver });
  const measured = times.finish();
  if (!signal.aborted && !decoded.stopped) deliver(text.flush());
  const reason = signal.aborted ? 'aborted' : decoded.reason;
  const { readTokens } = decoded;
  return { type: 'end', id, reason, inputTokens, cachedTokens, readTokens, outputTokens, ...measured };
}

function tokenizePrompt({ template, command, contextTokens }: ResponseOptions): TokenizedPrompt {
  const { prompt, maxTokens } = command.request;
  const tokenized = template(prompt);
  const inputTokens = tokenized.tokens.length;
  if (inputTokens === 0) throw new AppError('bad-request', 'The prompt is empty.');
  if (inputTokens + maxTokens > contextTokens) {
    throw new AppError(
      'context-exceeded',
      `Prompt (${inputTokens} tokens) and response (up to ${maxTokens}) exceed the context of ${contextTokens} tokens.`,
      { details: { inputTokens, maxTokens, contextTokens } },
    );
  }
  return tokenized;
}

function createText({ model, command }: ResponseOptions, prompt: TokenizedPrompt): AnswerText {
  const { request } = command;
  const detokenize = (tokens: readonly number[], before: readonly number[]) =>
    model.detokenize(tokens as Token[], false, before as Token[]);
  // Continuing a text or an unfinished response keeps its next space; a new response starts without one.
  const continues = request.prompt.kind === 'text' || request.prompt.continuesLast;
  return createAnswerText(request.stop, detokenize, continues ? prompt.tokens : []);
}

interface DecodeOptions extends LentOptions {
  readonly text: AnswerText;
  readonly deliver: (piece: TextPiece | null) => void;
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
  const { command, signal, prompt, text, deliver, times, turns } = options;
  const { maxTokens } = command.request;
  const answer = openAnswer(options);
  let generated = 0;
  const ended = (reason: EndReason, stopped: boolean) => ({
    reason,
    stopped,
    readTokens: answer.readTokens(),
  });
  try {
    while (true) {
      const next = await turns.take(answer.tokensLeft(), (granted) => answer.compute(granted), signal);
      if (next === 'read') continue;
      if (next !== null) times.markFirstToken();
      if (next === null || next === 'over' || signal.aborted || prompt.ends.has(next)) break;
      generated += 1;
      const { piece, stopped } = text.push(next);
      deliver(piece);
      if (stopped) return ended('stop', stopped);
      if (generated >= maxTokens) return ended('length', stopped);
    }
    return ended('stop', false);
  } finally {
    await answer.close();
  }
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

function openAnswer({ command, lent, prompt }: DecodeOptions): OpenAnswer {
  const { sequence, id, cachedTokens } = lent;
  const { temperature, topP } = command.request;
  const seed = command.request.seed ?? Math.floor(Math.random() * 2 ** 32);
  // Orders the batch by sequence. The type names 1 to 5, but it is a number that only our batching strategy reads.
  const evaluationPriority = (id + 1) as EvaluationPriority;
  let rest = prompt.tokens.slice(cachedTokens);
  let tokens: ReturnType<LlamaContextSequence['evaluate']> | null = null;
  return {
    tokensLeft: () => Math.max(1, rest.length),
    async compute(granted) {
      if (granted < rest.length) {
        const part = rest.slice(0, granted);
        await sequence.evaluateWithoutGeneratingNewTokens(part, { evaluationPriority });
        rest = rest.slice(granted);
        return 'read';
      }
      tokens ??= sequence.evaluate(rest, { temperature, topP, seed, evaluationPriority });
      const { value, done } = await tokens.next();
      rest = [];
      return done ? 'over' : value;
    },
    readTokens: () =>
      rest.length < prompt.tokens.length - cachedTokens ? prompt.tokens.length - rest.length : 0,
    async close() {
      await tokens?.return();
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
