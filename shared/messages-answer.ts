/** Answers in the format of Anthropic's Messages API: events that build up content blocks, or the whole message. */
import type { AnswerEnd, AnswerFormat, AnswerHead } from './answer-format.ts';
import { type AnswerPiece, joinPieces } from './answer-pieces.ts';
import { parseJson } from './json.ts';
import type { Usage } from './openai-chunks.ts';
import type { OpenAiError } from './openai-errors.ts';

type BlockKind = 'text' | 'thinking' | 'tool_use';

export function messagesFormat(head: AnswerHead): AnswerFormat {
  const stream = new MessageStream(head);
  return {
    opening: () => stream.opening(),
    piece: (piece) => stream.piece(piece),
    closing: (end) => stream.closing(end),
    whole: (pieces, end) => wholeMessage(head, pieces, end),
    failure: (error) => event('error', anthropicError(error)),
  };
}

function event(type: string, fields: Record<string, unknown>): string {
  return `event: ${type}\ndata: ${JSON.stringify({ ...fields, type })}\n\n`;
}

class MessageStream {
  readonly #head: AnswerHead;
  /** Position of the block that is being written; -1 before the first. */
  #index = -1;
  #open: { readonly kind: BlockKind; readonly call: number } | null = null;

  constructor(head: AnswerHead) {
    this.#head = head;
  }

  opening(): string {
    const message = messageBody(this.#head, [], {
      reason: null,
      usage: { input_tokens: 0, output_tokens: 0 },
    });
    return event('message_start', { message });
  }

  piece({ text, reasoning, toolCalls }: AnswerPiece): string {
    if (reasoning !== undefined)
      return this.#delta('thinking', { type: 'thinking_delta', thinking: reasoning });
    if (toolCalls === undefined) return text === '' ? '' : this.#delta('text', { type: 'text_delta', text });
    return toolCalls
      .map(({ index, id, name, arguments: part }) => {
        const begun = this.#begin('tool_use', index, { id, name, input: {} });
        if (part === '') return begun;
        return begun + this.#blockDelta({ type: 'input_json_delta', partial_json: part });
      })
      .join('');
  }

  closing({ finishReasons: [reason], usage }: AnswerEnd): string {
    const stop = { stop_reason: stopReason(reason), stop_sequence: null };
    const counted = event('message_delta', { delta: stop, usage: usageOf(usage) });
    return this.#close() + counted + event('message_stop', {});
  }

  #delta(kind: 'text' | 'thinking', delta: Record<string, unknown>): string {
    const empty = kind === 'text' ? { text: '' } : { thinking: '', signature: '' };
    return this.#begin(kind, -1, empty) + this.#blockDelta(delta);
  }

  #begin(kind: BlockKind, call: number, fields: Record<string, unknown>): string {
    if (this.#open?.kind === kind && this.#open.call === call) return '';
    const closed = this.#close();
    this.#index += 1;
    this.#open = { kind, call };
    return (
      closed + event('content_block_start', { index: this.#index, content_block: { type: kind, ...fields } })
    );
  }

  #blockDelta(delta: Record<string, unknown>): string {
    return event('content_block_delta', { index: this.#index, delta });
  }

  #close(): string {
    if (this.#open === null) return '';
    this.#open = null;
    return event('content_block_stop', { index: this.#index });
  }
}

function wholeMessage(
  head: AnswerHead,
  pieces: readonly AnswerPiece[],
  { finishReasons: [reason], usage }: AnswerEnd,
): Record<string, unknown> {
  const { text, reasoning, toolCalls } = joinPieces(pieces);
  const content = [
    ...(reasoning === '' ? [] : [{ type: 'thinking', thinking: reasoning, signature: '' }]),
    ...(text === '' && toolCalls.length > 0 ? [] : [{ type: 'text', text }]),
    ...toolCalls.map(({ id, name, arguments: given }) => ({
      type: 'tool_use',
      id,
      name,
      input: inputOf(given),
    })),
  ];
  return messageBody(head, content, { reason: stopReason(reason), usage: usageOf(usage) });
}

/** The arguments of a call; empty if the answer ended in the middle of them. */
function inputOf(given: string): unknown {
  try {
    return parseJson(given);
  } catch {
    return {};
  }
}

function messageBody(
  { asked, jobId }: AnswerHead,
  content: readonly object[],
  { reason, usage }: { readonly reason: string | null; readonly usage: object },
): Record<string, unknown> {
  return {
    id: `msg_${jobId}`,
    type: 'message',
    role: 'assistant',
    model: asked.model,
    content,
    stop_reason: reason,
    stop_sequence: null,
    usage,
  };
}

/** Cached tokens aren't among the input tokens in this API. */
function usageOf({ prompt_tokens, completion_tokens: output_tokens, prompt_tokens_details }: Usage): object {
  if (prompt_tokens_details === undefined) return { input_tokens: prompt_tokens, output_tokens };
  const { cached_tokens: cache_read_input_tokens } = prompt_tokens_details;
  return { input_tokens: prompt_tokens - cache_read_input_tokens, cache_read_input_tokens, output_tokens };
}

function stopReason(reason: string | undefined): string {
  if (reason === 'length') return 'max_tokens';
  return reason === 'tool_calls' ? 'tool_use' : 'end_turn';
}

/** Anthropic's type by status. */
const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  413: 'request_too_large',
  415: 'invalid_request_error',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

/** An error body in Anthropic's format. */
export function anthropicError({ status, body }: OpenAiError): Record<string, unknown> {
  return {
    type: 'error',
    error: { type: ERROR_TYPES[status] ?? 'api_error', message: body.error.message },
  };
}
