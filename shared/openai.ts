/**
 * Reads requests of the OpenAI HTTP API that providers sell and the gateway buys. A parameter that would change the
 * answer has its effect or is an error with its name; `api-parameters.ts` lists which.
 */
import { z } from 'zod';
import { type Endpoint, PARAMETERS } from './api-parameters.ts';
import type { AnswerApi, AskedCompletion, AskedMessage, ChatPrompt, Sampling } from './asked.ts';
import { checkShape } from './check-shape.ts';
import { AppError, isAppError } from './errors.ts';
import {
  messageSchema,
  type Refuse,
  readMessages,
  readResponseFormat,
  readToolChoice,
  readTools,
  responseFormatSchema,
  toolChoiceSchema,
  toolSchema,
} from './openai-messages.ts';
import {
  CHOICES_MAX,
  IGNORED_NAMES_MAX,
  LOGIT_BIASES_MAX,
  MESSAGES_MAX,
  STOP_CHARACTERS_MAX,
  STOPS_MAX,
  TOOLS_MAX,
  TOP_LOGPROBS_MAX,
} from './request-limits.ts';
import { issueText } from './shape-issues.ts';

export { CHAT_PATH, TEXT_PATH } from './wire.ts';

const stopSchema = z.string().min(1).max(STOP_CHARACTERS_MAX);
const penaltySchema = z.number().min(-2).max(2).nullish();

const commonShape = {
  model: z.string().min(1).max(200),
  max_tokens: z.number().int().min(1).max(1_000_000).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  seed: z.number().int().nullish(),
  stop: z.union([stopSchema, z.array(stopSchema).max(STOPS_MAX)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.boolean().nullish() })
    .nullish(),
  /** Like in vLLM: each chunk and choice has `token_ids`, with which a buyer can check the receipt. */
  return_token_ids: z.boolean().nullish(),
  n: z.number().int().min(1).max(CHOICES_MAX).nullish(),
  presence_penalty: penaltySchema,
  frequency_penalty: penaltySchema,
  repeat_penalty: z.number().min(0.1).max(2).nullish(),
  top_k: z.number().int().min(0).max(1_000).nullish(),
  min_p: z.number().min(0).max(1).nullish(),
  logit_bias: z
    .record(
      z.string().regex(/^\d{1,9}$/, { error: 'must have token IDs as keys' }),
      z.number().min(-100).max(100),
    )
    .nullish(),
};

const chatRequestSchema = z.looseObject({
  ...commonShape,
  messages: z.array(messageSchema).min(1).max(MESSAGES_MAX),
  max_completion_tokens: commonShape.max_tokens,
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().int().min(0).max(TOP_LOGPROBS_MAX).nullish(),
  response_format: responseFormatSchema.nullish(),
  tools: z.array(toolSchema).max(TOOLS_MAX).nullish(),
  tool_choice: toolChoiceSchema.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  reasoning_effort: z.string().max(40).nullish(),
  chat_template_kwargs: z.strictObject({ enable_thinking: z.boolean().nullish() }).nullish(),
  /** Like in vLLM: the last message, of the assistant, is the beginning of the answer, which continues it. */
  continue_final_message: z.boolean().nullish(),
  add_generation_prompt: z.boolean().nullish(),
});
type ChatRequest = z.output<typeof chatRequestSchema>;

const TEXT_LOGPROBS_MAX = 5;
const textRequestSchema = z.looseObject({
  ...commonShape,
  prompt: z.union([z.string(), z.array(z.string()).length(1)], { error: 'must be one string' }),
  logprobs: z.number().int().min(0).max(TEXT_LOGPROBS_MAX).nullish(),
});

/** The two completions endpoints. */
export type CompletionKind = 'chat' | 'text';

/** Parses a request body. Fails with `bad-request`; `details.param` is the parameter. */
export function readCompletion(kind: CompletionKind, body: unknown): AskedCompletion {
  return kind === 'chat' ? readChat(body) : readText(body);
}

/** Parses a chat request, also for APIs that are translated into it. */
export function readChat(body: unknown, api: AnswerApi = 'chat'): AskedCompletion {
  const unused = checkParameters('chat', body);
  const request = readShape(chatRequestSchema, body);
  const { max_tokens: maxTokens, max_completion_tokens: maxCompletionTokens } = request;
  if (typeof maxTokens === 'number' && typeof maxCompletionTokens === 'number') {
    if (maxTokens !== maxCompletionTokens) refuse('max_tokens', 'conflicts with max_completion_tokens');
  }
  const prompt = chatPrompt(request);
  const json = atParameter('response_format', () => readResponseFormat(request.response_format));
  const topLogprobs = readTopLogprobs(request);
  if (topLogprobs !== null && prompt.tools !== undefined)
    refuse('logprobs', 'isn’t supported together with tools');
  return {
    api,
    ...common(request),
    prompt,
    json,
    topLogprobs,
    maxTokens: maxTokens ?? maxCompletionTokens ?? null,
    ignored: listIgnored([...unused, ...ignoredInside(request)]),
  };
}

function chatPrompt(request: ChatRequest): ChatPrompt {
  const messages = readMessages(request.messages, refuse);
  const tools = atParameter('tools', () => readTools(request.tools ?? [], refuse));
  const toolChoice = readToolChoice(request.tool_choice, tools, refuse);
  const usesTools = tools.length > 0 && toolChoice !== 'none';
  const isUnthinking =
    request.reasoning_effort === 'none' || request.chat_template_kwargs?.enable_thinking === false;
  return {
    kind: 'chat',
    messages,
    ...(continuesLast(request, messages) && { continuesLast: true }),
    ...(usesTools && { tools, toolChoice }),
    ...(usesTools && request.parallel_tool_calls === false && { isSingleCall: true }),
    ...(isUnthinking && { isUnthinking }),
  };
}

function readTopLogprobs({ logprobs, top_logprobs: top }: ChatRequest): number | null {
  if (logprobs === true) return top ?? 0;
  if (typeof top === 'number' && top > 0) refuse('top_logprobs', 'requires logprobs');
  return null;
}

/** Applies vLLM's rules: the two parameters belong together, since otherwise a new turn would begin. */
function continuesLast(request: ChatRequest, messages: readonly AskedMessage[]): boolean {
  const continues = request.continue_final_message ?? false;
  const beginsTurn = request.add_generation_prompt ?? true;
  if (continues === beginsTurn) {
    refuse('add_generation_prompt', 'must be false with continue_final_message, and true without it');
  }
  const last = messages.at(-1);
  const isBegun = last?.role === 'assistant' && last.content !== '' && last.toolCalls === undefined;
  if (continues && !isBegun) {
    refuse('continue_final_message', 'requires a last message of the assistant that is not empty');
  }
  return continues;
}

function readText(body: unknown): AskedCompletion {
  const unused = checkParameters('text', body);
  const request = readShape(textRequestSchema, body);
  const text = typeof request.prompt === 'string' ? request.prompt : request.prompt.join('');
  return {
    api: 'text',
    ...common(request),
    prompt: { kind: 'text', text },
    json: null,
    topLogprobs: request.logprobs ?? null,
    maxTokens: request.max_tokens ?? null,
    ignored: listIgnored(unused),
  };
}

function common(request: z.infer<z.ZodObject<typeof commonShape>>) {
  const stop = request.stop ?? [];
  return {
    model: request.model,
    temperature: request.temperature ?? 1,
    topP: request.top_p ?? 1,
    seed: request.seed === null || request.seed === undefined ? null : seed32(request.seed),
    stop: typeof stop === 'string' ? [stop] : stop,
    sampling: readSampling(request),
    choices: request.n ?? 1,
    stream: request.stream ?? false,
    includeUsage: request.stream_options?.include_usage ?? false,
    returnTokenIds: request.return_token_ids ?? false,
  };
}

/** Only what changes the answer, so that a request without effect needs no feature of the model. */
function readSampling(request: z.infer<z.ZodObject<typeof commonShape>>): Sampling {
  const { top_k: topK, min_p: minP, repeat_penalty: repeatPenalty } = request;
  const { frequency_penalty: frequencyPenalty, presence_penalty: presencePenalty } = request;
  const biases = Object.entries(request.logit_bias ?? {}).map(([id, bias]) => [Number(id), bias] as const);
  if (biases.length > LOGIT_BIASES_MAX) refuse('logit_bias', `must have at most ${LOGIT_BIASES_MAX} tokens`);
  return {
    ...(typeof topK === 'number' && { topK }),
    ...(minP && { minP }),
    ...(frequencyPenalty && { frequencyPenalty }),
    ...(presencePenalty && { presencePenalty }),
    ...(repeatPenalty && repeatPenalty !== 1 && { repeatPenalty }),
    ...(biases.length > 0 && { logitBias: biases }),
  };
}

function seed32(seed: number): number {
  return ((seed % 2 ** 32) + 2 ** 32) % 2 ** 32;
}

/** Rejects refused parameters by name and returns the names of those without effect. */
export function checkParameters(endpoint: Endpoint, body: unknown): readonly string[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw refusal(null, 'The body must be a JSON object.', 'invalid_body');
  }
  const parameters = new Map(PARAMETERS[endpoint].map((parameter) => [parameter.name, parameter]));
  const unused: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    const known = parameters.get(name);
    if (known?.support === 'refused') {
      const harmless = (known.harmless ?? []).map((each) => JSON.stringify(each));
      const more = known.note === undefined ? '' : ` (${known.note})`;
      if (!harmless.includes(JSON.stringify(value)))
        refuse(name, `isn’t supported${more}`, 'unsupported_parameter');
    } else if (known?.support !== 'supported') {
      unused.push(name);
    }
  }
  return unused;
}

const MESSAGE_KEYS = new Set(['annotations', ...Object.keys(messageSchema.shape)]);

/** Names of parameters without effect inside of others. */
function ignoredInside(request: ChatRequest): readonly string[] {
  const inMessages = request.messages.flatMap((message) =>
    Object.keys(message).filter((key) => !MESSAGE_KEYS.has(key)),
  );
  const effort = request.reasoning_effort;
  return [
    ...inMessages.map((key) => `messages.${key}`),
    ...(typeof effort === 'string' && effort !== 'none' ? ['reasoning_effort'] : []),
  ];
}

/** Names as a header can carry them, each once. */
export function listIgnored(names: readonly string[]): readonly string[] {
  const safe = names.map((name) => name.replace(/[^\w.-]/g, '?').slice(0, 64));
  return [...new Set(safe)].slice(0, IGNORED_NAMES_MAX);
}

/** Parses a body with a schema. Fails with `bad-request` and the parameter's name. */
export function readShape<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = checkShape(schema, body, { error: issueText });
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map(String);
  if (issue?.code === 'unrecognized_keys') {
    throw refusal([...path, issue.keys[0] ?? ''].join('.'), 'unknown parameter', 'unknown_parameter');
  }
  if (path.length === 0) throw refusal(null, 'The body must be a JSON object.', 'invalid_body');
  throw refusal(path.join('.'), issue?.message ?? 'invalid value', 'invalid_value');
}

/** Names the parameter in a failure that doesn't name one. */
function atParameter<T>(param: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isAppError(error, 'bad-request') || error.details.param !== undefined) throw error;
    throw new AppError('bad-request', error.message, { cause: error, details: { ...error.details, param } });
  }
}

const refuse: Refuse = (param, what, code = 'invalid_value') => {
  throw refusal(param, what, code);
};

/** The error for an invalid parameter; null is the body itself. */
export function refusal(param: string | null, what: string, code: string): AppError {
  const message = param === null ? what : `Invalid "${param.slice(0, 80)}": ${what}.`;
  return new AppError('bad-request', message, { details: { param: param?.slice(0, 80) ?? null, code } });
}
