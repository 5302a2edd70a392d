/** One answer of an engine server: its stream becomes the events of the engine port, or fails as an engine does. */
import { type AnswerPiece, writtenText } from '../../../shared/answer-pieces.ts';
import { promptTokensMax } from '../../../shared/asked.ts';
import { contextExceeded } from '../../../shared/context-exceeded.ts';
import type { EngineServerKind } from '../../../shared/engine-servers.ts';
import { AppError } from '../../../shared/errors.ts';
import { UNKNOWN_TOKEN } from '../../../shared/offer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import type { EngineServerConnection, EngineServerResponse } from '../../ports/engine-server.ts';
import { readEvents } from '../sse/index.ts';
import { readChunk, type ServerChunk } from './answer-chunks.ts';
import { startDeadline } from './deadline.ts';
import { embedAt } from './embed.ts';
import { ANSWER_BYTES_MIN, ANSWER_BYTES_PER_TOKEN_MAX, FIRST_PIECE_MS_MAX, PIECE_MS_MAX } from './limits.ts';
import { refusalOf } from './refusal.ts';
import { type RepeatedText, repeatedText } from './repeated-text.ts';
import { serverRequest } from './request-body.ts';
import { createTokenCount, type TokenCount } from './token-count.ts';

/** A model of a server, as its answers have shown it. */
export interface AnsweringModel {
  readonly kind: EngineServerKind;
  /** The server's name of it. */
  readonly name: string;
  /** The name that its answers have; null if it wasn't seen yet or they have none. */
  readonly answersAs: string | null;
  readonly contextTokens: number;
  /** False for a server that sends several events for one token. */
  readonly eventsAreTokens: boolean;
}

export interface AnswerParts {
  readonly connection: Pick<EngineServerConnection, 'send'>;
  readonly clock: Clock;
  readonly model: AnsweringModel;
  /** Called with each event of the stream. */
  readonly onChunk?: (chunk: ServerChunk) => void;
}

type EndReason = Extract<GenerateEvent, { type: 'end' }>['reason'];

/** These refuse a prompt that is too long themselves; others cut it without a word. */
const REFUSE_LONG_PROMPTS: readonly EngineServerKind[] = ['llama-server', 'vllm'];

/**
 * Yields the events in batches, with one `end` at last; an abort ends with what was counted until then. Fails with
 * `bad-request`, `context-exceeded`, `model-unavailable` or `engine-failed`, or as the connection does; no message
 * quotes a prompt or an answer.
 */
export async function* answerAt(
  parts: AnswerParts,
  request: GenerateRequest,
  signal: AbortSignal,
): AsyncGenerator<GenerateEvent[], void> {
  checkLength(parts.model, request);
  if (request.prompt.kind === 'embed') {
    yield await embedAt(parts, request, signal);
    return;
  }
  const stream = new AnswerStream(parts, request);
  const deadline = startDeadline(parts.clock, FIRST_PIECE_MS_MAX, signal);
  try {
    const { path, body } = serverRequest(parts.model.kind, parts.model.name, request);
    const response = await parts.connection.send({ method: 'POST', path, body, signal: deadline.signal });
    await checkResponse(response, { ...parts.model, maxTokens: request.maxTokens });
    const bytesMax = ANSWER_BYTES_MIN + ANSWER_BYTES_PER_TOKEN_MAX * request.maxTokens;
    for await (const batch of readEvents(limited(response.body, bytesMax))) {
      deadline.extend(PIECE_MS_MAX);
      const events: GenerateEvent[] = [];
      for (const { data } of batch) if (data !== '[DONE]') events.push(...stream.take(readChunk(data)));
      if (events.length > 0) yield events;
      if (batch.some(({ data }) => data === '[DONE]') || stream.isOver) break;
    }
    yield stream.end();
  } catch (error) {
    if (!signal.aborted) throw deadline.signal.aborted ? deadline.signal.reason : error;
    yield stream.aborted();
  } finally {
    deadline.cancel();
  }
}

class AnswerStream {
  readonly #parts: AnswerParts;
  readonly #count: TokenCount;
  readonly #repeated: RepeatedText;
  readonly #maxTokens: number;
  readonly #startedMs: number;
  #firstMs: number | null = null;
  #startedWith: number | null = null;
  #cachedTokens: number | null = null;
  #finishReason: string | null = null;
  #times: ServerChunk['times'] = null;
  #events = 0;

  constructor(parts: AnswerParts, request: GenerateRequest) {
    this.#parts = parts;
    this.#count = createTokenCount(request, parts.model);
    this.#repeated = repeatedText(request);
    this.#maxTokens = request.maxTokens;
    this.#startedMs = parts.clock.monotonic();
  }

  /** True if the server ignores the limit of tokens: the rest isn't read. */
  get isOver(): boolean {
    return this.#events > this.#maxTokens * 4 + 16 && this.#finishReason === null;
  }

  take(chunk: ServerChunk): GenerateEvent[] {
    const { model, clock, onChunk } = this.#parts;
    onChunk?.(chunk);
    if (model.answersAs !== null && chunk.model !== null && chunk.model !== model.answersAs) {
      throw new AppError('engine-failed', 'The engine answered with another model.');
    }
    this.#finishReason = chunk.finishReason ?? this.#finishReason;
    this.#times = chunk.times ?? this.#times;
    if (chunk.counts !== null) this.#cachedTokens = chunk.counts.cachedTokens ?? this.#cachedTokens;
    if (chunk.piece === null) {
      if (chunk.counts !== null) this.#count.report(chunk.counts);
      return [];
    }
    this.#events += 1;
    const piece = this.#repeated.remove(chunk.piece);
    if (writtenText(piece) === '' && (piece.toolCalls?.length ?? 0) === 0) return [];
    this.#firstMs ??= clock.monotonic();
    const tokens = this.#count.add(piece, chunk.counts);
    return [...this.#start(), textEvent(piece, tokens)];
  }

  /** Fails if the stream broke off. */
  end(): GenerateEvent[] {
    if (this.#finishReason === null && !this.isOver) {
      throw new AppError('engine-failed', 'The engine broke off its answer.');
    }
    const rest = this.#repeated.rest();
    const piece = { text: rest, tokens: [] };
    const counted = rest === '' ? 0 : this.#count.add(piece, null);
    const missing = counted + this.#count.finish();
    const last = rest === '' && missing === 0 ? [] : [textEvent(piece, missing)];
    return [...this.#start(), ...last, this.#endEvent(this.#reason())];
  }

  aborted(): GenerateEvent[] {
    return [this.#endEvent('aborted')];
  }

  #reason(): EndReason {
    if (this.#finishReason === 'tool_calls' || this.#finishReason === 'function_call') return 'tool_calls';
    return this.#finishReason === 'length' || this.#finishReason === null ? 'length' : 'stop';
  }

  /** Announces the prompt's count, and again if it has become another. */
  #start(): GenerateEvent[] {
    const inputTokens = this.#count.input();
    if (this.#startedWith === inputTokens) return [];
    const { contextTokens } = this.#parts.model;
    // Where the prompt alone fits, servers answer until the context is full: less than was asked for.
    if (
      this.#startedWith === null &&
      this.#count.reportedInput !== null &&
      inputTokens + this.#maxTokens > contextTokens
    ) {
      throw contextExceeded(inputTokens, this.#maxTokens, contextTokens);
    }
    this.#startedWith = inputTokens;
    const cachedTokens = this.#cachedIn(inputTokens);
    return [{ type: 'start', inputTokens, ...(cachedTokens !== undefined && { cachedTokens }) }];
  }

  #cachedIn(inputTokens: number): number | undefined {
    return this.#cachedTokens === null ? undefined : Math.min(this.#cachedTokens, inputTokens);
  }

  #endEvent(reason: EndReason): GenerateEvent {
    const inputTokens = this.#count.input();
    const nowMs = this.#parts.clock.monotonic();
    const firstMs = this.#firstMs ?? nowMs;
    const isRead = this.#firstMs !== null || reason !== 'aborted';
    return {
      type: 'end',
      reason,
      inputTokens: isRead ? inputTokens : 0,
      cachedTokens: this.#cachedIn(inputTokens),
      readTokens: isRead ? inputTokens : 0,
      outputTokens: this.#count.output,
      prefillMs: this.#times?.prefillMs ?? firstMs - this.#startedMs,
      decodeMs: this.#times?.decodeMs ?? nowMs - firstMs,
    };
  }
}

function textEvent(piece: AnswerPiece, tokens: number): GenerateEvent {
  const { text, reasoning, toolCalls, logprobs } = piece;
  return {
    type: 'text',
    text,
    tokens: Array.from({ length: tokens }, () => UNKNOWN_TOKEN),
    ...(reasoning !== undefined && { reasoning }),
    ...(toolCalls !== undefined && { toolCalls }),
    ...(logprobs !== undefined && { logprobs }),
  };
}

/** Counts by bytes what a server would cut silently. */
function checkLength({ kind, contextTokens }: AnsweringModel, request: GenerateRequest): void {
  const { prompt, maxTokens } = request;
  if (REFUSE_LONG_PROMPTS.includes(kind)) return;
  const inputTokens = promptTokensMax({ prompt });
  if (inputTokens + maxTokens > contextTokens) throw contextExceeded(inputTokens, maxTokens, contextTokens);
}

async function checkResponse(
  response: EngineServerResponse,
  asked: Parameters<typeof refusalOf>[1],
): Promise<void> {
  if (response.status !== 200) throw await refusalOf(response, asked);
  if (!/^text\/event-stream\b/i.test(response.contentType)) {
    throw new AppError('engine-failed', 'The engine sent something other than a stream.');
  }
}

/** Fails with `engine-failed` once more than `bytesMax` have arrived. */
async function* limited(body: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array, void> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new AppError('engine-failed', 'The engine sent more than it should.');
    yield chunk;
  }
}
