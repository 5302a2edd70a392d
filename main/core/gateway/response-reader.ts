/** Reads a provider's streamed response: text and token IDs, then the receipt and the payment response. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import { PAYMENT_RESPONSE_EVENT, RECEIPT_EVENT } from '../../../shared/offer.ts';
import type { AnswerChunk, Usage } from '../../../shared/openai.ts';
import type { AnswerPiece } from '../../../shared/openai-answer.ts';
import { readEvents, type ServerEvent } from '../sse/index.ts';
import { connectionError, readChunk } from './provider-errors.ts';

/** The content of one network read. */
export interface Batch {
  readonly pieces: readonly AnswerPiece[];
  readonly end: { readonly finishReason: string; readonly usage: Usage | null } | null;
}

/** Everything that is known of a response when its purchase is recorded. */
export interface ResponseSummary {
  /** The token IDs that arrived; null if the provider doesn't send them. */
  readonly tokens: readonly number[] | null;
  /** Null if it was too long to keep. */
  readonly text: string | null;
  /** UTF-8 bytes of the text. */
  readonly textBytes: number;
  /** True if the provider sent the end mark. */
  readonly hasEnded: boolean;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  readonly finishReason: string | null;
  /** Compact JWS; null if none arrived. */
  readonly receiptJws: string | null;
  readonly paymentResponse: string | null;
}

/** A longer text isn't kept for checks. */
const TEXT_BYTES_KEPT_MAX = 1024 * 1024;

export interface ResponseReaderOptions {
  readonly peer: string;
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
  #text = '';
  #textBytes = 0;
  #hasBegun = false;
  #hasEnded = false;
  #finishReason: string | null = null;
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
      text: this.#textBytes > TEXT_BYTES_KEPT_MAX ? null : this.#text,
      textBytes: this.#textBytes,
      hasEnded: this.#hasEnded,
      inputTokens: this.#usage?.prompt_tokens ?? null,
      outputTokens: this.#tokensKnown ? this.#tokens.length : (this.#usage?.completion_tokens ?? null),
      finishReason: this.#finishReason,
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
    let finishReason: string | null = null;
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
      finishReason = chunk.choices[0]?.finish_reason ?? finishReason;
      const piece = this.#pieceOf(chunk);
      if (piece !== null) pieces.push(piece);
    }
    // The pieces before a failure are paid for: the client gets them first, and the failure with the next call.
    if (this.#failure && pieces.length === 0) throw this.#failure;
    if (pieces.length > 0 && !this.#hasBegun) {
      this.#hasBegun = true;
      this.#options.onFirstPiece();
    }
    this.#finishReason = finishReason ?? this.#finishReason;
    this.#usage = usage ?? this.#usage;
    const end = { finishReason: this.#finishReason ?? 'stop', usage: this.#usage };
    return { pieces, end: this.#hasEnded ? end : null };
  }

  #pieceOf({ choices: [choice] }: AnswerChunk): AnswerPiece | null {
    if (!choice) return null;
    const text = choice.delta?.content ?? choice.text ?? '';
    const tokens = choice.token_ids ?? [];
    if (choice.token_ids) for (const token of tokens) this.#tokens.push(token);
    else if (text !== '') this.#tokensKnown = false;
    this.#textBytes += Buffer.byteLength(text);
    if (this.#textBytes <= TEXT_BYTES_KEPT_MAX) this.#text += text;
    return text !== '' || tokens.length > 0 ? { text, tokens } : null;
  }

  readonly #keepReceipt = ({ event, data }: ServerEvent): void => {
    if (event === RECEIPT_EVENT) this.#receiptJws = data;
    else if (event === PAYMENT_RESPONSE_EVENT) this.#paymentResponse = data;
  };
}
