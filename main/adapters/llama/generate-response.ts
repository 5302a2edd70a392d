/** The generation loop: prefills the prompt in chunks and decodes the response token by token. */
import type { LlamaContextSequence, LlamaModel, Token } from 'node-llama-cpp';
import { AppError } from '../../../shared/errors.ts';
import type { EngineCommand, EngineEvent } from '../../ports/engine-process.ts';
import { type AnswerText, createAnswerText, type TextPiece } from './answer-text.ts';
import type { Template } from './chat-template.ts';
import type { Duty } from './duty.ts';

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

type TokenizedPrompt = ReturnType<Template>;
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
  const deliver = (piece: TextPiece | null) => {
    if (!piece) return;
    outputTokens += piece.tokens.length;
    emit({ type: 'text', id, text: piece.text, tokens: [...piece.tokens] });
  };
  const text = createText(options, prompt);
  const rest = await prefillChunks(options, prompt.tokens);
  const decoded = await decode({ ...options, prompt: { ...prompt, tokens: rest }, text, deliver, times });
  const measured = times.finish();
  if (!signal.aborted && !decoded.stopped) deliver(text.flush());
  const reason = signal.aborted ? 'aborted' : decoded.reason;
  const readTokens = times.hasFirstToken() ? inputTokens : inputTokens - rest.length;
  return { type: 'end', id, reason, inputTokens, readTokens, outputTokens, ...measured };
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
  readonly text: AnswerText;
  readonly deliver: (piece: TextPiece | null) => void;
  readonly times: PhaseTimes;
}

/** Decodes until the response ends. `stopped` is true if a stop string was found. */
async function decode({
  command,
  sequence,
  duty,
  signal,
  prompt,
  text,
  deliver,
  times,
}: DecodeOptions): Promise<{ reason: EndReason; stopped: boolean }> {
  const { temperature, topP, maxTokens } = command.request;
  const seed = command.request.seed ?? Math.floor(Math.random() * 2 ** 32);
  const tokens = sequence.evaluate(prompt.tokens, { temperature, topP, seed });
  let generated = 0;
  try {
    while (true) {
      await duty.turn(signal);
      if (signal.aborted) break;
      const { value: token, done: isOver } = await duty.busy(() => tokens.next());
      times.markFirstToken();
      if (isOver || signal.aborted || prompt.ends.has(token)) break;
      generated += 1;
      const { piece, stopped } = text.push(token);
      deliver(piece);
      if (stopped) return { reason: 'stop', stopped };
      if (generated >= maxTokens) return { reason: 'length', stopped };
    }
    return { reason: 'stop', stopped: false };
  } finally {
    await tokens.return();
  }
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
