/**
 * A parsed request for text, the same for all APIs that ask for it, and the bounds of its cost, which buyer and provider
 * compute alike.
 */
import type { ModelFeature } from './model-features.ts';
import type { Amount } from './money.ts';
import { charge, inputTokensMax, type Price } from './price.ts';
import { utf8Length } from './utf8.ts';

/** A call of one of the buyer's functions. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON text, as the model wrote it. */
  readonly arguments: string;
}

/** One message, the same for all variants of the API. */
export interface AskedMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  /** Empty for a message that only calls tools. */
  readonly content: string;
  readonly name?: string;
  /** Thoughts of a reasoning model before it wrote the content. */
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
  /** The call that a message of the role `tool` answers. */
  readonly toolCallId?: string;
}

/** A function that the model may call. */
export interface Tool {
  readonly name: string;
  readonly description?: string;
  /** JSON schema of an object. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** True if the arguments must match the schema, as far as a grammar can guarantee that. */
  readonly strict?: boolean;
}

/** `auto`: the model decides; `required`: at least one call; `name`: a call of this one. */
export type ToolChoice =
  | { readonly kind: 'auto' }
  | { readonly kind: 'required' }
  | { readonly kind: 'name'; readonly name: string };

export interface ChatPrompt {
  readonly kind: 'chat';
  readonly messages: readonly AskedMessage[];
  /** True if the last message is an unfinished one of the assistant, which the answer continues. */
  readonly continuesLast?: boolean;
  /** Absent: the model may call nothing. */
  readonly tools?: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  /** True if the answer has at most one call. */
  readonly isSingleCall?: boolean;
  /** True if a reasoning model should answer without thinking first. */
  readonly isUnthinking?: boolean;
}

export type AskedPrompt =
  | ChatPrompt
  | { readonly kind: 'text'; readonly text: string }
  /** Texts to turn into vectors; nothing is written. */
  | { readonly kind: 'embed'; readonly texts: readonly string[] };

/** JSON that the answer must be; absent for text. */
export type AnswerJson =
  | { readonly kind: 'object' }
  | {
      readonly kind: 'schema';
      readonly name: string;
      readonly schema: Readonly<Record<string, unknown>>;
      readonly isStrict: boolean;
    };

/** Choice of the next token, in addition to temperature and top-p. */
export interface Sampling {
  readonly topK?: number;
  readonly minP?: number;
  readonly frequencyPenalty?: number;
  readonly presencePenalty?: number;
  readonly repeatPenalty?: number;
  /** Pairs of token ID and what is added to its logit. */
  readonly logitBias?: readonly (readonly [number, number])[];
}

/** The API whose shapes a response has. */
export type AnswerApi = 'chat' | 'text' | 'responses' | 'messages' | 'embeddings';

/** A parsed request for text. */
export interface AskedCompletion {
  readonly api: AnswerApi;
  readonly prompt: AskedPrompt;
  readonly model: string;
  /** Null if the client sets none; see {@link answerTokensMax}. */
  readonly maxTokens: number | null;
  readonly temperature: number;
  readonly topP: number;
  /** 0 to 2^32 - 1. */
  readonly seed: number | null;
  readonly stop: readonly string[];
  readonly sampling: Sampling;
  readonly json: AnswerJson | null;
  /** Answers to the prompt. */
  readonly choices: number;
  /** Alternatives of each token to report; null for no probabilities. */
  readonly topLogprobs: number | null;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly returnTokenIds: boolean;
  /** True if vectors are returned as base64. */
  readonly isBase64?: boolean;
  /** Names of parameters that were accepted and have no effect. */
  readonly ignored: readonly string[];
}

/** Maximum output tokens if the client sets none. */
const MAX_TOKENS_DEFAULT = 1_024;
const MAX_TOKENS_DEFAULT_MIN = 64;
/** Most tokens that a template adds to a prompt with tools, and for each tool and call. */
const TEMPLATE_TOKENS_FOR_TOOLS_MAX = 1_024;
const TEMPLATE_TOKENS_PER_TOOL_MAX = 64;

/** All texts of the prompt: of messages, tools and calls. */
export function textsOf({ prompt }: Pick<AskedCompletion, 'prompt'>): readonly string[] {
  if (prompt.kind === 'text') return [prompt.text];
  if (prompt.kind === 'embed') return prompt.texts;
  return prompt.messages.map(
    ({ content, name = '', reasoning = '', toolCalls = [], toolCallId = '' }) =>
      content + name + reasoning + toolCallId + toolCalls.map(callText).join(''),
  );
}

function callText(call: ToolCall): string {
  // A template writes the arguments again, with a blank after each comma and colon.
  return call.id + call.name + call.arguments.replace(/[,:]/g, '$& ');
}

/** The longest form in which a template writes the tools; parsing limits their depth. */
function toolTexts({ prompt }: Pick<AskedCompletion, 'prompt'>): readonly string[] {
  return prompt.kind === 'chat' ? (prompt.tools ?? []).map((tool) => JSON.stringify(tool, null, 4)) : [];
}

/** UTF-8 bytes of the prompt, with its tools. */
export function promptBytes(asked: Pick<AskedCompletion, 'prompt'>): number {
  return [...textsOf(asked), ...toolTexts(asked)].reduce((sum, text) => sum + utf8Length(text), 0);
}

/** Upper bound of the tokens of one prompt, without a tokenizer. */
export function promptTokensMax(asked: Pick<AskedCompletion, 'prompt'>): number {
  const texts = textsOf(asked);
  if (asked.prompt.kind !== 'chat') return inputTokensMax(texts);
  const tools = toolTexts(asked);
  const calls = asked.prompt.messages.reduce((sum, { toolCalls = [] }) => sum + toolCalls.length, 0);
  const forTools = tools.length === 0 && calls === 0 ? 0 : TEMPLATE_TOKENS_FOR_TOOLS_MAX;
  const perTool = TEMPLATE_TOKENS_PER_TOOL_MAX * (tools.length + calls);
  return inputTokensMax([...texts, ...tools]) + forTools + perTool;
}

/** Upper bound of the input tokens of a request: each choice reads the prompt. */
export function askedTokensMax(asked: Pick<AskedCompletion, 'prompt' | 'choices'>): number {
  return promptTokensMax(asked) * asked.choices;
}

/** Limit of output tokens of each choice: the requested one, or one within bounds that is sure to fit the context. */
export function answerTokensMax(
  asked: Pick<AskedCompletion, 'prompt' | 'maxTokens'>,
  contextTokens: number,
): number {
  if (asked.prompt.kind === 'embed') return 0;
  if (asked.maxTokens !== null) return asked.maxTokens;
  const room = contextTokens - promptTokensMax(asked);
  const fitting = Math.min(MAX_TOKENS_DEFAULT, Math.max(MAX_TOKENS_DEFAULT_MIN, room));
  return Math.max(1, Math.min(fitting, Math.floor(contextTokens / 2)));
}

/** Maximum cost of a request, by which the voucher's ceiling rises. `maxTokens` is for each choice. */
export function askedCostMax(
  price: Price,
  asked: Pick<AskedCompletion, 'prompt' | 'choices'>,
  maxTokens: number,
): Amount {
  return charge(price, { input: askedTokensMax(asked), output: maxTokens * asked.choices });
}

/** The features that a model needs for this request. */
export function neededFeatures(asked: AskedCompletion): readonly ModelFeature[] {
  const hasTools = asked.prompt.kind === 'chat' && asked.prompt.tools !== undefined;
  return [
    ...(asked.prompt.kind === 'embed' ? (['embeddings'] as const) : []),
    ...(hasTools ? (['tools'] as const) : []),
    ...(asked.json === null ? [] : (['json'] as const)),
    ...(asked.topLogprobs === null ? [] : (['logprobs'] as const)),
    ...(Object.keys(asked.sampling).length === 0 ? [] : (['sampling'] as const)),
  ];
}
