/** Answers in OpenAI's shapes, whole and in pieces: what the provider sends and the gateway passes on. */
import type { AskedCompletion, Usage } from './openai.ts';

/** The constant parts of one answer. */
export interface AnswerHead {
  readonly asked: AskedCompletion;
  readonly jobId: string;
  readonly createdAtS: number;
}

export interface AnswerPiece {
  readonly text: string;
  readonly tokens: readonly number[];
}

export function usage(inputTokens: number, outputTokens: number): Usage {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
}

/** The first event of a chat stream, which names the role; nothing for plain completions. */
export function openingEvent(head: AnswerHead): string {
  if (head.asked.prompt.kind !== 'chat') return '';
  return chunk(head, [
    { index: 0, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null },
  ]);
}

/** One event with text. */
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

/** The events that end a complete answer: reason, usage where it was asked for, and the end mark. */
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

/** The body of an answer that is not streamed. */
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
