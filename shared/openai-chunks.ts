/** Parts of a provider's answer that the gateway reads: the events of a stream, and errors. */
import { z } from 'zod';
import type { AnswerPiece, TokenLogprob } from './answer-pieces.ts';
import {
  CHOICES_MAX,
  EMBEDDING_INPUTS_MAX,
  TOOL_CALLS_MAX,
  TOP_LOGPROBS_MAX,
  VECTOR_CHARACTERS_MAX,
} from './request-limits.ts';
import { utf8Bytes } from './utf8.ts';

export const usageSchema = z.object({
  prompt_tokens: z.number().int().nonnegative(),
  completion_tokens: z.number().int().nonnegative(),
  total_tokens: z.number().int().nonnegative(),
  /** Absent from engines and providers that don't report it. */
  prompt_tokens_details: z.object({ cached_tokens: z.number().int().nonnegative() }).exactOptional(),
});
export type Usage = z.infer<typeof usageSchema>;

const tokenIdsSchema = z.array(z.number().int().min(0).max(0xffff_ffff));

const probabilityShape = {
  token: z.string().max(400),
  bytes: z.array(z.number().int().min(0).max(255)).max(400).nullish(),
  logprob: z.number(),
};
const chatLogprobsSchema = z.object({
  content: z
    .array(
      z.object({
        ...probabilityShape,
        top_logprobs: z.array(z.object(probabilityShape)).max(TOP_LOGPROBS_MAX),
      }),
    )
    .nullish(),
});
const textLogprobsSchema = z.object({
  tokens: z.array(z.string().max(400)),
  token_logprobs: z.array(z.number()),
  top_logprobs: z.array(z.record(z.string(), z.number())).nullish(),
});

const callDeltaSchema = z.object({
  index: z.number().int().min(0).max(TOOL_CALLS_MAX),
  id: z.string().max(128).nullish(),
  function: z.object({ name: z.string().max(128).nullish(), arguments: z.string().nullish() }).nullish(),
});

/** One `data:` event of a streamed answer of either completions endpoint. */
export const answerChunkSchema = z.object({
  id: z.string().max(200),
  created: z.number(),
  model: z.string().max(200),
  choices: z
    .array(
      z.object({
        index: z
          .number()
          .int()
          .min(0)
          .max(CHOICES_MAX - 1),
        delta: z
          .object({
            role: z.string().optional(),
            content: z.string().nullish(),
            reasoning_content: z.string().nullish(),
            tool_calls: z.array(callDeltaSchema).max(TOOL_CALLS_MAX).nullish(),
          })
          .optional(),
        text: z.string().optional(),
        logprobs: z.union([textLogprobsSchema, chatLogprobsSchema]).nullish(),
        finish_reason: z.string().max(40).nullish(),
        token_ids: tokenIdsSchema.nullish(),
      }),
    )
    .max(1),
  /** Only from the endpoint for embeddings. */
  vectors: z.array(z.base64().max(VECTOR_CHARACTERS_MAX)).max(EMBEDDING_INPUTS_MAX).nullish(),
  usage: usageSchema.nullish(),
});
export type AnswerChunk = z.infer<typeof answerChunkSchema>;
type Choice = AnswerChunk['choices'][number];

/** The piece of an answer that a chunk carries; null if it carries none. */
export function pieceOf({ choices: [choice], vectors }: AnswerChunk): AnswerPiece | null {
  if (!choice) return vectors && vectors.length > 0 ? { text: '', tokens: [], vectors } : null;
  const { delta } = choice;
  const text = delta?.content ?? choice.text ?? '';
  const tokens = choice.token_ids ?? [];
  const calls = delta?.tool_calls ?? [];
  const reasoning = delta?.reasoning_content ?? '';
  if (text === '' && tokens.length === 0 && calls.length === 0 && reasoning === '') return null;
  const logprobs = logprobsOf(choice.logprobs);
  return {
    ...(choice.index > 0 && { choice: choice.index }),
    text,
    tokens,
    ...(reasoning !== '' && { reasoning }),
    ...(calls.length > 0 && {
      toolCalls: calls.map(({ index, id, function: called }) => ({
        index,
        ...(typeof id === 'string' && { id }),
        ...(typeof called?.name === 'string' && { name: called.name }),
        arguments: called?.arguments ?? '',
      })),
    }),
    ...(logprobs.length > 0 && { logprobs }),
  };
}

function logprobsOf(logprobs: Choice['logprobs']): readonly TokenLogprob[] {
  if (!logprobs) return [];
  const withBytes = <T extends { readonly token: string; readonly bytes?: number[] | null | undefined }>(
    given: T,
  ) => ({
    ...given,
    bytes: given.bytes ?? utf8Bytes(given.token),
  });
  if ('tokens' in logprobs) {
    return logprobs.tokens.map((token, index) => ({
      ...withBytes({ token, logprob: logprobs.token_logprobs[index] ?? 0 }),
      top: Object.entries(logprobs.top_logprobs?.[index] ?? {}).map(([other, logprob]) =>
        withBytes({ token: other, logprob }),
      ),
    }));
  }
  return (logprobs.content ?? []).map(({ token, bytes, logprob, top_logprobs: top }) => ({
    ...withBytes({ token, bytes, logprob }),
    top: top.map(withBytes),
  }));
}

/** The body of every error, in OpenAI's format. */
export const errorBodySchema = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;
