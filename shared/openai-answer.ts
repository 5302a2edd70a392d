/** Responses in OpenAI's format, whole and streamed, as the provider sends them and the gateway passes them on. */
import type { AskedCompletion, Usage } from './openai.ts';

/** The fields that are the same in all parts of one answer. */
export interface AnswerHead {
  readonly asked: AskedCompletion;
  readonly jobId: string;
  readonly createdAtS: number;
}

export interface AnswerPiece {
  readonly text: string;
  readonly tokens: readonly number[];
}

/** Combines the pieces of an answer into one. */
export function joinPieces(pieces: readonly AnswerPiece[]): AnswerPiece {
  return {
    text: pieces.map(({ text }) => text).join(''),
    tokens: pieces.flatMap(({ tokens }) => tokens),
  };
}

/** Token counts in OpenAI's format. `cachedTokens` are those of the input that had been computed before, if reported. */
export function usage(inputTokens: number, outputTokens: number, cachedTokens?: number): Usage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}

/** The first event of a chat stream, which names the role; empty for plain completions. */
export function openingEvent(head: AnswerHead): string {
  if (head.asked.prompt.kind !== 'chat') return '';
  return chunk(head, [
    { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
  ]);
}

/** One event with a piece of the text. */
export function pieceEvent(head: AnswerHead, { text, tokens }: AnswerPiece): string {
  return chunk(head, [
    {
      index: 0,
      ...(head.asked.prompt.kind === 'chat' ? { delta: { content: text } } : { text }),
      logprobs: null,
      finish_reason: null,
      ...(head.asked.returnTokenIds ? { token_ids: tokens } : {}),
    },
  ]);
}

/** The events that end a complete answer: finish reason, usage if requested, and the end mark. */
export function closingEvents(head: AnswerHead, finishReason: string, counted: Usage): string {
  const finish = chunk(head, [
    {
      index: 0,
      ...(head.asked.prompt.kind === 'chat' ? { delta: {} } : { text: '' }),
      logprobs: null,
      finish_reason: finishReason,
    },
  ]);
  const total = head.asked.includeUsage ? chunk(head, [], counted) : '';
  return `${finish}${total}data: [DONE]\n\n`;
}

function chunk(head: AnswerHead, choices: readonly object[], counted?: Usage): string {
  const chat = head.asked.prompt.kind === 'chat';
  const body = {
    id: answerId(head),
    object: chat ? 'chat.completion.chunk' : 'text_completion',
    created: head.createdAtS,
    model: head.asked.model,
    choices,
    ...(head.asked.includeUsage ? { usage: counted ?? null } : {}),
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

/** The body of an answer that isn't streamed. */
export function wholeAnswer(
  head: AnswerHead,
  piece: AnswerPiece,
  finishReason: string,
  counted: Usage,
): Record<string, unknown> {
  const chat = head.asked.prompt.kind === 'chat';
  return {
    id: answerId(head),
    object: chat ? 'chat.completion' : 'text_completion',
    created: head.createdAtS,
    model: head.asked.model,
    choices: [
      {
        index: 0,
        ...(chat
          ? { message: { role: 'assistant', content: piece.text, refusal: null } }
          : { text: piece.text }),
        logprobs: null,
        finish_reason: finishReason,
        ...(head.asked.returnTokenIds ? { token_ids: piece.tokens } : {}),
      },
    ],
    usage: counted,
  };
}

function answerId(head: AnswerHead): string {
  return `${head.asked.prompt.kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${head.jobId}`;
}
