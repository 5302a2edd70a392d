/**
 * The part of the OpenAI HTTP API that providers sell and the gateway buys. Requests are parsed strictly: an unsupported
 * parameter is an error with its name and is never ignored.
 */
import { z } from 'zod';
import { AppError } from './errors.ts';
import { inputTokensMax } from './price.ts';

const MESSAGES_MAX = 2_000;
const STOPS_MAX = 4;
/** Maximum output tokens if the client sets none. */
const MAX_TOKENS_DEFAULT = 1_024;
const MAX_TOKENS_DEFAULT_MIN = 64;

/** A parameter that clients send with a value that changes nothing; any other value is rejected. */
function only(...values: readonly unknown[]) {
  const allowed = values.map((value) => JSON.stringify(value));
  return z
    .custom<unknown>((value) => value === null || allowed.includes(JSON.stringify(value)), {
      message: allowed.length === 0 ? 'not supported' : `only ${allowed.join(' or ')} is supported`,
    })
    .optional();
}

const textPartSchema = z.strictObject({ type: z.literal('text'), text: z.string() });
const contentSchema = z.union([z.string(), z.array(textPartSchema).max(MESSAGES_MAX)], {
  error: 'must be a string or a list of text parts',
});

const messageSchema = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: contentSchema,
  // Fields of answers, from here or from other services, that clients send back as history.
  refusal: only(),
  audio: only(),
  annotations: only([]),
  tool_calls: only([]),
  function_call: only(),
});

const commonShape = {
  model: z.string().min(1).max(200),
  max_tokens: z.number().int().min(1).max(1_000_000).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  seed: z.number().int().nullish(),
  stop: z.union([z.string().min(1).max(400), z.array(z.string().min(1).max(400)).max(STOPS_MAX)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  /** Like in vLLM: each chunk and choice has `token_ids`, with which a buyer can check the receipt. */
  return_token_ids: z.boolean().nullish(),
  n: only(1),
  presence_penalty: only(0),
  frequency_penalty: only(0),
  logit_bias: only({}),
  user: z.string().max(512).nullish(),
};

const chatRequestSchema = z.strictObject({
  ...commonShape,
  messages: z.array(messageSchema).min(1).max(MESSAGES_MAX),
  max_completion_tokens: commonShape.max_tokens,
  logprobs: only(false),
  top_logprobs: only(0),
  response_format: only({ type: 'text' }),
  tools: only([]),
  tool_choice: only('none', 'auto'),
  parallel_tool_calls: only(true, false),
  functions: only([]),
  function_call: only('none', 'auto'),
  modalities: only(['text']),
  audio: only(),
  prediction: only(),
  reasoning_effort: only('none'),
  verbosity: only('medium'),
  web_search_options: only(),
  store: only(false),
  service_tier: only('auto', 'default'),
  /** Like in vLLM: the last message, of the assistant, is the beginning of the answer, which continues it. */
  continue_final_message: z.boolean().nullish(),
  add_generation_prompt: z.boolean().nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  safety_identifier: z.string().max(512).nullish(),
  prompt_cache_key: z.string().max(512).nullish(),
});

const textRequestSchema = z.strictObject({
  ...commonShape,
  prompt: z.union([z.string(), z.array(z.string()).length(1)], { error: 'must be one string' }),
  best_of: only(1),
  echo: only(false),
  logprobs: only(),
  suffix: only('', null),
});

/** One message, the same for all variants of the API. */
export interface AskedMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

/** A parsed request, the same for both completions endpoints. */
export interface AskedCompletion {
  readonly prompt:
    | {
        readonly kind: 'chat';
        readonly messages: readonly AskedMessage[];
        /** True if the last message is an unfinished one of the assistant, which the answer continues. */
        readonly continuesLast?: boolean;
      }
    | { readonly kind: 'text'; readonly text: string };
  readonly model: string;
  /** Null if the client sets none; see {@link answerTokensMax}. */
  readonly maxTokens: number | null;
  readonly temperature: number;
  readonly topP: number;
  /** 0 to 2^32 - 1. */
  readonly seed: number | null;
  readonly stop: readonly string[];
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly returnTokenIds: boolean;
}

export { CHAT_PATH, TEXT_PATH } from './wire.ts';

/** Parses a request body. Fails with `bad-request`; `details.param` is the parameter. */
export function readCompletion(kind: 'chat' | 'text', body: unknown): AskedCompletion {
  return kind === 'chat' ? readChat(body) : readText(body);
}

function readChat(body: unknown): AskedCompletion {
  const request = read(chatRequestSchema, body);
  const { max_tokens: maxTokens, max_completion_tokens: maxCompletionTokens } = request;
  if (typeof maxTokens === 'number' && typeof maxCompletionTokens === 'number') {
    if (maxTokens !== maxCompletionTokens)
      throw refused('max_tokens', 'conflicts with max_completion_tokens', 'invalid_value');
  }
  const messages = request.messages.map(({ role, content }): AskedMessage => {
    const text = typeof content === 'string' ? content : content.map((part) => part.text).join('');
    return { role: role === 'developer' ? 'system' : role, content: text };
  });
  return {
    ...common(request),
    prompt: { kind: 'chat', messages, ...(continuesLast(request, messages) && { continuesLast: true }) },
    maxTokens: maxTokens ?? maxCompletionTokens ?? null,
  };
}

/** Applies vLLM's rules: the two parameters belong together, since otherwise a new turn would begin. */
function continuesLast(
  request: z.output<typeof chatRequestSchema>,
  messages: readonly AskedMessage[],
): boolean {
  const continues = request.continue_final_message ?? false;
  const beginsTurn = request.add_generation_prompt ?? true;
  if (continues === beginsTurn) {
    throw refused(
      'add_generation_prompt',
      'must be false with continue_final_message, and true without it',
      'invalid_value',
    );
  }
  const last = messages.at(-1);
  if (continues && (last?.role !== 'assistant' || last.content === '')) {
    throw refused(
      'continue_final_message',
      'requires a last message of the assistant that is not empty',
      'invalid_value',
    );
  }
  return continues;
}

function readText(body: unknown): AskedCompletion {
  const request = read(textRequestSchema, body);
  const text = typeof request.prompt === 'string' ? request.prompt : request.prompt.join('');
  return { ...common(request), prompt: { kind: 'text', text }, maxTokens: request.max_tokens ?? null };
}

function common(request: z.infer<z.ZodObject<typeof commonShape>>) {
  const stop = request.stop ?? [];
  return {
    model: request.model,
    temperature: request.temperature ?? 1,
    topP: request.top_p ?? 1,
    seed: request.seed === null || request.seed === undefined ? null : seed32(request.seed),
    stop: typeof stop === 'string' ? [stop] : stop,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    returnTokenIds: request.return_token_ids ?? false,
  };
}

function seed32(seed: number): number {
  return ((seed % 2 ** 32) + 2 ** 32) % 2 ** 32;
}

function read<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'unrecognized_keys') {
    throw refused([...path, issue.keys[0] ?? ''].join('.'), 'unknown parameter', 'unknown_parameter');
  }
  if (path.length === 0) throw refused(null, 'The body must be a JSON object.', 'invalid_body');
  throw refused(path.join('.'), issue?.message ?? 'invalid value', 'invalid_value');
}

function refused(param: string | null, what: string, code: string): AppError {
  const message = param === null ? what : `Invalid "${param.slice(0, 80)}": ${what}.`;
  return new AppError('bad-request', message, { details: { param: param?.slice(0, 80) ?? null, code } });
}

/** The texts from which both sides compute the ceiling of a payment. */
export function textsOf(asked: AskedCompletion): readonly string[] {
  return asked.prompt.kind === 'chat'
    ? asked.prompt.messages.map((message) => message.content)
    : [asked.prompt.text];
}

/** Limit of output tokens: the requested one, or one within bounds that is sure to fit the context. */
export function answerTokensMax(asked: AskedCompletion, contextTokens: number): number {
  if (asked.maxTokens !== null) return asked.maxTokens;
  const room = contextTokens - inputTokensMax(textsOf(asked));
  const fitting = Math.min(MAX_TOKENS_DEFAULT, Math.max(MAX_TOKENS_DEFAULT_MIN, room));
  return Math.max(1, Math.min(fitting, Math.floor(contextTokens / 2)));
}

/** The request body for a provider: only the fields that the answer depends on. */
export function toRequestBody(asked: AskedCompletion): Record<string, unknown> {
  return {
    model: asked.model,
    ...promptBody(asked.prompt),
    ...(asked.maxTokens === null ? {} : { max_tokens: asked.maxTokens }),
    temperature: asked.temperature,
    top_p: asked.topP,
    ...(asked.seed === null ? {} : { seed: asked.seed }),
    ...(asked.stop.length === 0 ? {} : { stop: asked.stop }),
    stream: asked.stream,
    ...(asked.stream ? { stream_options: { include_usage: asked.includeUsage } } : {}),
    return_token_ids: asked.returnTokenIds,
  };
}

function promptBody(prompt: AskedCompletion['prompt']): Record<string, unknown> {
  if (prompt.kind === 'text') return { prompt: prompt.text };
  const continuing = { continue_final_message: true, add_generation_prompt: false };
  return { messages: prompt.messages, ...(prompt.continuesLast && continuing) };
}

export const usageSchema = z.object({
  prompt_tokens: z.number().int().nonnegative(),
  completion_tokens: z.number().int().nonnegative(),
  total_tokens: z.number().int().nonnegative(),
  /** Absent from engines and providers that don't report it. */
  prompt_tokens_details: z.object({ cached_tokens: z.number().int().nonnegative() }).exactOptional(),
});
export type Usage = z.infer<typeof usageSchema>;

const tokenIdsSchema = z.array(z.number().int().min(0).max(0xffff_ffff));

/** One `data:` event of a streamed answer of either endpoint. */
export const answerChunkSchema = z.object({
  id: z.string().max(200),
  created: z.number(),
  model: z.string().max(200),
  choices: z
    .array(
      z.object({
        index: z.literal(0),
        delta: z.object({ role: z.string().optional(), content: z.string().nullish() }).optional(),
        text: z.string().optional(),
        finish_reason: z.string().max(40).nullish(),
        token_ids: tokenIdsSchema.nullish(),
      }),
    )
    .max(1),
  usage: usageSchema.nullish(),
});
export type AnswerChunk = z.infer<typeof answerChunkSchema>;

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
