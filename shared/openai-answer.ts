/** Answers in OpenAI's completions formats, whole and streamed, as providers send them and the gateway passes them on. */

import type { AnswerEnd, AnswerFormat, AnswerHead } from './answer-format.ts';
import { type AnswerPiece, type JoinedAnswer, joinPieces, type TokenLogprob } from './answer-pieces.ts';
import { embeddingsFormat } from './embeddings-answer.ts';
import { messagesFormat } from './messages-answer.ts';
import type { Usage } from './openai-chunks.ts';
import { failureEvent } from './openai-errors.ts';
import { responsesFormat } from './responses-answer.ts';

/** The fingerprint of a model file. */
export function fingerprintOf(sha256: string): string {
  return `fp_${sha256.slice(0, 12)}`;
}

export function createAnswerFormat(head: AnswerHead): AnswerFormat {
  switch (head.asked.api) {
    case 'responses':
      return responsesFormat(head);
    case 'messages':
      return messagesFormat(head);
    case 'embeddings':
      return embeddingsFormat(head);
    case 'chat':
    case 'text':
      return completionsFormat(head);
  }
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

function completionsFormat(head: AnswerHead): AnswerFormat {
  const { asked } = head;
  const isChat = asked.prompt.kind === 'chat';
  const choices = Array.from({ length: asked.choices }, (_, index) => index);
  let textOffset = 0;

  function pieceChunk(piece: AnswerPiece): string {
    const logprobs = logprobsOf(isChat, asked.topLogprobs, piece.logprobs ?? [], textOffset);
    textOffset += piece.text.length;
    return chunk(head, [
      {
        index: piece.choice ?? 0,
        ...(isChat ? { delta: delta(piece) } : { text: piece.text }),
        logprobs,
        finish_reason: null,
        ...(asked.returnTokenIds ? { token_ids: piece.tokens } : {}),
      },
    ]);
  }

  return {
    opening() {
      if (!isChat) return '';
      const role = { role: 'assistant', content: '' };
      return choices
        .map((index) => chunk(head, [{ index, delta: role, logprobs: null, finish_reason: null }]))
        .join('');
    },
    piece: pieceChunk,
    closing({ finishReasons, usage: counted }) {
      const ends = choices.map((index) => {
        const reason = finishReasons[index] ?? 'stop';
        return chunk(head, [
          { index, ...(isChat ? { delta: {} } : { text: '' }), logprobs: null, finish_reason: reason },
        ]);
      });
      return `${ends.join('')}${asked.includeUsage ? chunk(head, [], counted) : ''}data: [DONE]\n\n`;
    },
    whole: (pieces, end) => wholeAnswer(head, pieces, end),
    failure: failureEvent,
  };
}

function delta({ text, reasoning, toolCalls }: AnswerPiece): Record<string, unknown> {
  if (reasoning !== undefined) return { reasoning_content: reasoning };
  if (toolCalls === undefined) return { content: text };
  return {
    tool_calls: toolCalls.map(({ index, id, name, arguments: part }) => ({
      index,
      ...(id !== undefined && { id, type: 'function' }),
      function: { ...(name !== undefined && { name }), arguments: part },
    })),
  };
}

function chunk(head: AnswerHead, choices: readonly object[], counted?: Usage): string {
  const isChat = head.asked.prompt.kind === 'chat';
  const body = {
    id: answerId(head),
    object: isChat ? 'chat.completion.chunk' : 'text_completion',
    created: head.createdAtS,
    model: head.asked.model,
    system_fingerprint: head.fingerprint,
    choices,
    ...(head.asked.includeUsage ? { usage: counted ?? null } : {}),
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

function wholeAnswer(
  head: AnswerHead,
  pieces: readonly AnswerPiece[],
  { finishReasons, usage: counted }: AnswerEnd,
): Record<string, unknown> {
  const { asked } = head;
  const isChat = asked.prompt.kind === 'chat';
  return {
    id: answerId(head),
    object: isChat ? 'chat.completion' : 'text_completion',
    created: head.createdAtS,
    model: asked.model,
    system_fingerprint: head.fingerprint,
    choices: Array.from({ length: asked.choices }, (_, index) => {
      const joined = joinPieces(pieces, index);
      return {
        index,
        ...(isChat ? { message: messageOf(joined) } : { text: joined.text }),
        logprobs: logprobsOf(isChat, asked.topLogprobs, joined.logprobs, 0),
        finish_reason: finishReasons[index] ?? 'stop',
        ...(asked.returnTokenIds ? { token_ids: joined.tokens } : {}),
      };
    }),
    usage: counted,
  };
}

function messageOf({ text, reasoning, toolCalls }: JoinedAnswer): Record<string, unknown> {
  return {
    role: 'assistant',
    content: text === '' && toolCalls.length > 0 ? null : text,
    refusal: null,
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && {
      tool_calls: toolCalls.map(({ id, name, arguments: given }) => ({
        id,
        type: 'function',
        function: { name, arguments: given },
      })),
    }),
  };
}

/** Token probabilities in the format of the endpoint; null if none were requested. */
function logprobsOf(
  isChat: boolean,
  topMax: number | null,
  logprobs: readonly TokenLogprob[],
  offset: number,
): Record<string, unknown> | null {
  if (topMax === null || logprobs.length === 0) return null;
  if (isChat) {
    const content = logprobs.map(({ top, ...own }) => ({ ...own, top_logprobs: top.slice(0, topMax) }));
    return { content, refusal: null };
  }
  let position = offset;
  return {
    tokens: logprobs.map(({ token }) => token),
    token_logprobs: logprobs.map(({ logprob }) => logprob),
    top_logprobs: logprobs.map(({ top }) =>
      Object.fromEntries(top.slice(0, topMax).map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: logprobs.map(({ token }) => {
      const at = position;
      position += token.length;
      return at;
    }),
  };
}

function answerId(head: AnswerHead): string {
  return `${head.asked.prompt.kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${head.jobId}`;
}
