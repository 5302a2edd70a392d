/** Reads a provider's streamed response: text and token IDs, then the receipt and the payment response. */
import { type AnswerPiece, writtenText } from '../../../shared/answer-pieces.ts';
import type { AskedCompletion } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT } from '../../../shared/offer.ts';
import { type AnswerChunk, pieceOf, type Usage } from '../../../shared/openai-chunks.ts';
import { readEvents, type ServerEvent } from '../sse/index.ts';
import { connectionError, readChunk } from './provider-errors.ts';

/** The content of one network read. */
export interface Batch {
  readonly pieces: readonly AnswerPiece[];
  readonly end: { readonly finishReasons: readonly string[]; readonly usage: Usage | null } | null;
}

/** Everything that is known of a response when its purchase is recorded. */
export interface ResponseSummary {
  /** The token IDs that arrived; null if the provider doesn't send them. */
  readonly tokens: readonly number[] | null;
  /** Each answer to the prompt; null if they were too long to keep. */
  readonly answers: readonly DeliveredAnswer[] | null;
  /** UTF-8 bytes of all texts. */
  readonly textBytes: number;
  /** Calls of tools in all answers. */
  readonly calls: number;
  /** True if the provider sent the end mark. */
  readonly hasEnded: boolean;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly finishReason: string | null;
  /** Compact JWS; null if none arrived. */
  readonly receiptJws: string | null;
  readonly paymentResponse: string | null;
}

/** One answer to the prompt as it arrived. */
export interface DeliveredAnswer {
  readonly tokens: readonly number[];
  /** Everything that the model wrote: thoughts, text and calls. */
  readonly text: string;
}

/** `details.reason` of a failure after which nothing more is read: the provider could send without end. */
export const EXCEEDED = 'exceeded';
/** Bytes of one token; the longest in vocabularies in use have about 250. */
const TOKEN_BYTES_MAX = 512;
/** A longer text isn't kept for checks. */
const TEXT_BYTES_KEPT_MAX = 1024 * 1024;

/** The most that an answer can have. A provider that sends more could do so without end. */
export interface AnswerBounds {
  /** Output tokens of all choices. */
  readonly tokensMax: number;
  readonly vectorsMax: number;
}

/** `maxTokens`: output tokens of each choice. */
export function answerBounds({ prompt, choices }: AskedCompletion, maxTokens: number): AnswerBounds {
  return { tokensMax: maxTokens * choices, vectorsMax: prompt.kind === 'embed' ? prompt.texts.length : 0 };
}

export interface ResponseReaderOptions {
  readonly peer: string;
  readonly bounds: AnswerBounds;
  readonly requester: AbortSignal;
  /** Called after each read while the answer is being delivered. */
  readonly onRead: () => void;
  /** Called when the first piece of the answer has arrived. */
  readonly onFirstPiece: () => void;
}

export class ResponseReader {
  readonly #source: AsyncGenerator<ServerEvent[], void>;
  readonly #options: ResponseReaderOptions;
  readonly #tokens: number[] = [];
  #tokensKnown = true;
  readonly #answers: { tokens: number[]; text: string }[] = [];
  #textBytes = 0;
  #vectors = 0;
  #calls = 0;
  #hasBegun = false;
  #hasEnded = false;
  readonly #finishReasons: string[] = [];
  #usage: Usage | null = null;
  #receiptJws: string | null = null;
  #paymentResponse: string | null = null;
  #failure: AppError | null = null;

  constructor(body: ReadableStream<Uint8Array>, options: ResponseReaderOptions) {
    this.#source = readEvents(body);
    this.#options = options;
  }

  /** Reads the next part of the answer. Fails with an AppError. */
  async next(): Promise<Batch> {
    if (this.#failure) throw this.#failure;
    const events = await this.#read();
    if (events === null) throw new AppError('peer-unreachable', 'The provider’s response ended early.');
    this.#options.onRead();
    return this.#batchOf(events);
  }

  /** Reads on until receipt and payment response are here or the stream ends. Never fails: the summary shows gaps. */
  async readReceipt(): Promise<void> {
    try {
      while (this.#paymentResponse === null || this.#receiptJws === null) {
        const events = await this.#read();
        if (events === null) return;
        events.forEach(this.#keepReceipt);
      }
    } catch {
      // The summary has null for everything that is missing.
    }
  }

  summary(): ResponseSummary {
    return {
      tokens: this.#tokensKnown ? this.#tokens : null,
      answers: this.#textBytes > TEXT_BYTES_KEPT_MAX ? null : this.#answers,
      textBytes: this.#textBytes,
      calls: this.#calls,
      hasEnded: this.#hasEnded,
      inputTokens: this.#usage?.prompt_tokens ?? null,
      outputTokens: this.#tokensKnown ? this.#tokens.length : (this.#usage?.completion_tokens ?? null),
      finishReason: this.#finishReasons[0] ?? null,
      receiptJws: this.#receiptJws,
      paymentResponse: this.#paymentResponse,
    };
  }

  async #read(): Promise<ServerEvent[] | null> {
    try {
      const { value, done } = await this.#source.next();
      return done ? null : value;
    } catch (error) {
      throw connectionError(error, this.#options.requester, this.#options.peer);
    }
  }

  #batchOf(events: readonly ServerEvent[]): Batch {
    // All of them first: the receipt may follow an error in the same read.
    events.forEach(this.#keepReceipt);
    const pieces: AnswerPiece[] = [];
    let usage: Usage | null = null;
    for (const { event, data } of events) {
      if (event !== null) continue;
      if (data === '[DONE]') {
        this.#hasEnded = true;
        continue;
      }
      const chunk = readChunk(data, this.#options.peer);
      if (isAppError(chunk)) {
        this.#failure = chunk;
        break;
      }
      usage = chunk.usage ?? usage;
      const piece = this.#keep(chunk);
      if (this.#isExceeded()) {
        this.#failure = exceeded(this.#options.peer);
        break;
      }
      if (piece !== null) pieces.push(piece);
    }
    // The pieces before a failure are paid for: the client gets them first, and the failure with the next call.
    if (this.#failure && pieces.length === 0) throw this.#failure;
    if (pieces.length > 0 && !this.#hasBegun) {
      this.#hasBegun = true;
      this.#options.onFirstPiece();
    }
    this.#usage = usage ?? this.#usage;
    const end = { finishReasons: this.#finishReasons, usage: this.#usage };
    return { pieces, end: this.#hasEnded ? end : null };
  }

  #keep(chunk: AnswerChunk): AnswerPiece | null {
    const [choice] = chunk.choices;
    if (choice?.finish_reason) this.#finishReasons[choice.index] = choice.finish_reason;
    const piece = pieceOf(chunk);
    if (piece === null) return null;
    const text = writtenText(piece);
    if (choice?.token_ids) for (const token of piece.tokens) this.#tokens.push(token);
    else if (text !== '') this.#tokensKnown = false;
    this.#textBytes += Buffer.byteLength(text);
    this.#vectors += piece.vectors?.length ?? 0;
    this.#calls += (piece.toolCalls ?? []).filter(({ name }) => name !== undefined).length;
    if (this.#textBytes > TEXT_BYTES_KEPT_MAX) return piece;
    const index = piece.choice ?? 0;
    while (this.#answers.length <= index) this.#answers.push({ tokens: [], text: '' });
    const answer = this.#answers[index];
    if (answer) {
      answer.text += text;
      for (const token of piece.tokens) answer.tokens.push(token);
    }
    return piece;
  }

  #isExceeded(): boolean {
    const { tokensMax, vectorsMax } = this.#options.bounds;
    const hasTooMuchText = this.#textBytes > tokensMax * TOKEN_BYTES_MAX;
    return this.#tokens.length > tokensMax || hasTooMuchText || this.#vectors > vectorsMax;
  }

  readonly #keepReceipt = ({ event, data }: ServerEvent): void => {
    if (event === RECEIPT_EVENT) this.#receiptJws = data;
    else if (event === PAYMENT_RESPONSE_EVENT) this.#paymentResponse = data;
  };
}

function exceeded(peer: string): AppError {
  return new AppError('engine-failed', 'The provider sent more than it was asked for.', {
    details: { peer, reason: EXCEEDED },
  });
}
