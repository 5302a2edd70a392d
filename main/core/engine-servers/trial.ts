/**
 * Tries a model of an engine server with a few short requests: whether it answers and counts its tokens, and which
 * features its answers show. Claims of the server are not taken for granted, since buyers pay for features.
 */
import type { ChatPrompt } from '../../../shared/asked.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import type { ModelFeature } from '../../../shared/model-features.ts';
import type { GenerateEvent, GenerateRequest } from '../../ports/engine.ts';
import { type AnswerParts, answerAt } from './answer.ts';
import type { ServerChunk } from './answer-chunks.ts';

export interface Trial {
  readonly features: readonly ModelFeature[];
  /** The name that its answers have; null if they have none. */
  readonly answersAs: string | null;
  readonly eventsAreTokens: boolean;
}

const WORDS = 'Write one short line about a river.';
const TOOL = 'report_weather';
const ANSWER_TOKENS = 8;
const CALL_TOKENS = 96;

/**
 * Fails with `unsupported` if the model can't be sold: it neither answers nor makes vectors, or doesn't count tokens; and
 * as the connection does.
 */
export async function tryModel(parts: AnswerParts, signal: AbortSignal): Promise<Trial> {
  const answered = await attempt(parts, chatRequest({}), signal);
  const chat = answered instanceof AppError ? null : answered;
  const embeddings = await collect(
    parts,
    { ...chatRequest({}), prompt: { kind: 'embed', texts: [WORDS] }, maxTokens: 0 },
    signal,
  );
  const makesVectors = embeddings?.events.some(({ type }) => type === 'vectors') === true;
  if (chat === null) {
    if (makesVectors) return { features: ['embeddings'], answersAs: null, eventsAreTokens: true };
    // A server that starts or is overloaded may answer later.
    if (isAppError(answered, 'engine-failed')) throw answered;
    throw new AppError('unsupported', 'The model doesn’t answer a chat request.');
  }
  if (!chat.chunks.some(({ isUsage }) => isUsage)) {
    throw new AppError(
      'unsupported',
      'The engine doesn’t count tokens (`usage`), so nothing can be charged.',
    );
  }
  const features: ModelFeature[] = makesVectors ? ['embeddings'] : [];
  if (await callsTools(parts, signal)) features.push('tools');
  if (await writesJson(parts, signal)) features.push('json');
  if (await reportsProbabilities(parts, signal)) features.push('logprobs');
  const { kind } = parts.model;
  // The only ones whose parameters have all the meanings of ours.
  if (kind === 'llama-server' || kind === 'vllm') features.push('sampling');
  if (chat.events.some((event) => event.type === 'text' && event.reasoning !== undefined)) {
    features.push('reasoning');
  }
  return {
    features,
    answersAs: chat.chunks.find(({ model }) => model !== null)?.model ?? null,
    eventsAreTokens: areEventsTokens(chat.chunks),
  };
}

interface Collected {
  readonly events: readonly GenerateEvent[];
  readonly chunks: readonly ServerChunk[];
}

/** Returns the failure of a request as its result; a server that can't be reached fails the trial. */
async function attempt(
  parts: AnswerParts,
  request: GenerateRequest,
  signal: AbortSignal,
): Promise<Collected | AppError> {
  const events: GenerateEvent[] = [];
  const chunks: ServerChunk[] = [];
  try {
    const taken = answerAt({ ...parts, onChunk: (chunk) => chunks.push(chunk) }, request, signal);
    for await (const batch of taken) events.push(...batch);
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  signal.throwIfAborted();
  return { events, chunks };
}

/** Returns null if the request failed. */
async function collect(...request: Parameters<typeof attempt>): Promise<Collected | null> {
  const result = await attempt(...request);
  return result instanceof AppError ? null : result;
}

function chatRequest(change: Partial<GenerateRequest>, prompt: Partial<ChatPrompt> = {}): GenerateRequest {
  return {
    prompt: { kind: 'chat', messages: [{ role: 'user', content: WORDS }], ...prompt },
    ...{ maxTokens: ANSWER_TOKENS, temperature: 0, topP: 1, seed: 1, stop: [] },
    ...change,
  };
}

async function callsTools(parts: AnswerParts, signal: AbortSignal): Promise<boolean> {
  const parameters = { type: 'object', properties: {}, additionalProperties: false };
  const tools = [{ name: TOOL, description: 'Reports the weather of today.', parameters }];
  const request = chatRequest({ maxTokens: CALL_TOKENS }, { tools, toolChoice: { kind: 'required' } });
  const called = await collect(parts, request, signal);
  return (called?.events ?? []).some(
    (event) => event.type === 'text' && event.toolCalls?.some(({ name }) => name === TOOL) === true,
  );
}

async function writesJson(parts: AnswerParts, signal: AbortSignal): Promise<boolean> {
  const schema = {
    type: 'object',
    properties: { river: { type: 'boolean' } },
    required: ['river'],
    additionalProperties: false,
  };
  const json = { kind: 'schema' as const, name: 'answer', schema, isStrict: true };
  const answer = await collect(parts, chatRequest({ maxTokens: CALL_TOKENS, json }), signal);
  const text = (answer?.events ?? []).map((event) => (event.type === 'text' ? event.text : '')).join('');
  try {
    const value = parseJson(text);
    return (
      typeof value === 'object' && value !== null && 'river' in value && typeof value.river === 'boolean'
    );
  } catch {
    return false;
  }
}

async function reportsProbabilities(parts: AnswerParts, signal: AbortSignal): Promise<boolean> {
  const answer = await collect(parts, chatRequest({ maxTokens: 1, topLogprobs: 2 }), signal);
  return (answer?.events ?? []).some(
    (event) => event.type === 'text' && event.logprobs?.some(({ top }) => top.length > 0) === true,
  );
}

function areEventsTokens(chunks: readonly ServerChunk[]): boolean {
  const events = chunks.filter(({ piece }) => piece !== null).length;
  const counted = chunks.findLast(({ isUsage }) => isUsage)?.counts?.outputTokens ?? 0;
  return events <= counted;
}
