/** Writes a request of the engine port as the JSON body that an engine server reads. */
import { randomUUID } from 'node:crypto';
import type { AskedMessage, ChatPrompt, Sampling } from '../../../shared/asked.ts';
import type { EngineServerKind } from '../../../shared/engine-servers.ts';
import { AppError } from '../../../shared/errors.ts';
import { CHAT_PATH, EMBEDDINGS_PATH, TEXT_PATH } from '../../../shared/wire.ts';
import type { GenerateRequest } from '../../ports/engine.ts';

export interface ServerRequest {
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Fails with `bad-request` for what a server of this kind would understand differently. */
export function serverRequest(
  kind: EngineServerKind,
  model: string,
  request: GenerateRequest,
): ServerRequest {
  const { prompt } = request;
  if (prompt.kind === 'embed') {
    return { path: EMBEDDINGS_PATH, body: { model, input: prompt.texts, encoding_format: 'float' } };
  }
  const { maxTokens, temperature, topP, seed, stop, topLogprobs, sampling, json } = request;
  const isChat = prompt.kind === 'chat';
  return {
    path: isChat ? CHAT_PATH : TEXT_PATH,
    body: {
      model,
      ...(isChat ? chatBody(kind, prompt) : { prompt: textPrompt(kind, prompt.text, request) }),
      max_tokens: maxTokens,
      temperature,
      top_p: topP,
      ...(seed !== null && { seed }),
      ...(stop.length > 0 && { stop }),
      ...(sampling && samplingBody(kind, sampling)),
      ...(json && {
        response_format:
          json.kind === 'object'
            ? { type: 'json_object' }
            : {
                type: 'json_schema',
                json_schema: { name: json.name, schema: json.schema, strict: json.isStrict },
              },
      }),
      ...(typeof topLogprobs === 'number' &&
        (isChat ? { logprobs: true, top_logprobs: topLogprobs } : { logprobs: topLogprobs })),
      stream: true,
      stream_options: { include_usage: true, ...(kind === 'vllm' && { continuous_usage_stats: true }) },
      ...cacheBody(kind, request.requester ?? null),
    },
  };
}

/**
 * Keeps what was computed for one buyer away from all others, who could time it. Ollama, LM Studio and unknown servers
 * have no way for that.
 */
function cacheBody(kind: EngineServerKind, requester: string | null): Record<string, unknown> {
  if (kind === 'llama-server') return { cache_prompt: false, timings_per_token: true };
  return kind === 'vllm' ? { cache_salt: requester ?? randomUUID() } : {};
}

/** Without a requester it is a measurement, which must not find its prompt computed. */
function textPrompt(kind: EngineServerKind, text: string, { requester }: GenerateRequest): string {
  const mayBeCached = kind === 'ollama' || kind === 'lm-studio' || kind === 'other';
  return mayBeCached && (requester ?? null) === null ? `${randomUUID()} ${text}` : text;
}

function chatBody(kind: EngineServerKind, prompt: ChatPrompt): Record<string, unknown> {
  const { messages, tools, toolChoice, isSingleCall, isUnthinking } = prompt;
  return {
    messages: messages.map(messageBody),
    ...lastTurn(kind, prompt),
    ...(tools && {
      tools: tools.map((tool) => ({ type: 'function', function: tool })),
      tool_choice:
        toolChoice?.kind === 'name'
          ? { type: 'function', function: { name: toolChoice.name } }
          : (toolChoice?.kind ?? 'auto'),
      ...(isSingleCall && { parallel_tool_calls: false }),
    }),
    ...(isUnthinking &&
      (kind === 'llama-server' || kind === 'vllm'
        ? { chat_template_kwargs: { enable_thinking: false } }
        : { reasoning_effort: 'none' })),
  };
}

/** Servers differ in whether they continue the last message of the assistant; only vLLM lets a client choose. */
function lastTurn(kind: EngineServerKind, { messages, continuesLast }: ChatPrompt): Record<string, unknown> {
  const isAssistant = messages.at(-1)?.role === 'assistant';
  if (kind === 'vllm' && isAssistant) {
    return { continue_final_message: continuesLast === true, add_generation_prompt: continuesLast !== true };
  }
  if (isAssistant !== (continuesLast === true) || (isAssistant && kind !== 'llama-server')) {
    const what = continuesLast ? 'continue a message' : 'answer after a message';
    throw new AppError('bad-request', `The engine of this provider can’t ${what} of the assistant.`);
  }
  return {};
}

function messageBody({ role, content, name, reasoning, toolCalls, toolCallId }: AskedMessage) {
  return {
    role,
    content,
    ...(name !== undefined && { name }),
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(toolCalls && {
      tool_calls: toolCalls.map(({ id, name: called, arguments: text }) => ({
        id,
        type: 'function',
        function: { name: called, arguments: text },
      })),
    }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

function samplingBody(kind: EngineServerKind, sampling: Sampling): Record<string, unknown> {
  const { topK, minP, frequencyPenalty, presencePenalty, repeatPenalty, logitBias } = sampling;
  const repeat = kind === 'vllm' ? 'repetition_penalty' : 'repeat_penalty';
  return {
    ...(topK !== undefined && { top_k: topK }),
    ...(minP !== undefined && { min_p: minP }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
    ...(repeatPenalty !== undefined && { [repeat]: repeatPenalty }),
    ...(logitBias !== undefined && { logit_bias: Object.fromEntries(logitBias) }),
  };
}
