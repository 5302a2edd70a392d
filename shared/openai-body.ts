/** The body in which the gateway sends a request to a provider: only what the answer depends on. */
import type { AnswerJson, AskedCompletion, AskedMessage, ChatPrompt, Sampling, Tool } from './asked.ts';

/** A chat or text completion, or embeddings, regardless of the API that the client uses. */
export function toRequestBody(asked: AskedCompletion): Record<string, unknown> {
  if (asked.prompt.kind === 'embed') {
    return { model: asked.model, input: asked.prompt.texts, encoding_format: 'base64', stream: true };
  }
  return {
    model: asked.model,
    ...(asked.prompt.kind === 'text' ? { prompt: asked.prompt.text } : chatBody(asked.prompt)),
    ...(asked.maxTokens === null ? {} : { max_tokens: asked.maxTokens }),
    temperature: asked.temperature,
    top_p: asked.topP,
    ...(asked.seed === null ? {} : { seed: asked.seed }),
    ...(asked.stop.length === 0 ? {} : { stop: asked.stop }),
    ...samplingBody(asked.sampling),
    ...(asked.json === null ? {} : { response_format: formatBody(asked.json) }),
    ...(asked.choices === 1 ? {} : { n: asked.choices }),
    ...logprobsBody(asked),
    stream: asked.stream,
    ...(asked.stream ? { stream_options: { include_usage: asked.includeUsage } } : {}),
    return_token_ids: asked.returnTokenIds,
  };
}

function chatBody(prompt: ChatPrompt): Record<string, unknown> {
  const { messages, continuesLast, tools, toolChoice, isSingleCall, isUnthinking } = prompt;
  const choice = toolChoice?.kind === 'name' ? functionNamed(toolChoice.name) : toolChoice?.kind;
  return {
    messages: messages.map(messageBody),
    ...(continuesLast && { continue_final_message: true, add_generation_prompt: false }),
    ...(tools && { tools: tools.map(toolBody), tool_choice: choice ?? 'auto' }),
    ...(isSingleCall && { parallel_tool_calls: false }),
    ...(isUnthinking && { reasoning_effort: 'none' }),
  };
}

/** A message in OpenAI's format; also what a chat template gets. */
export function messageBody(message: AskedMessage): Record<string, unknown> {
  const { role, content, name, reasoning, toolCalls, toolCallId } = message;
  return {
    role,
    content: content === '' && toolCalls !== undefined ? null : content,
    ...(name !== undefined && { name }),
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(toolCalls !== undefined && {
      tool_calls: toolCalls.map((call) => ({
        id: call.id,
        type: 'function',
        function: { name: call.name, arguments: call.arguments },
      })),
    }),
    ...(toolCallId !== undefined && { tool_call_id: toolCallId }),
  };
}

/** A tool in OpenAI's format; also what a chat template gets. */
export function toolBody({ name, description, parameters, strict }: Tool): Record<string, unknown> {
  return {
    type: 'function',
    function: {
      name,
      ...(description !== undefined && { description }),
      ...(parameters !== undefined && { parameters }),
      ...(strict === true && { strict }),
    },
  };
}

function functionNamed(name: string): Record<string, unknown> {
  return { type: 'function', function: { name } };
}

function samplingBody(sampling: Sampling): Record<string, unknown> {
  const body = {
    top_k: sampling.topK,
    min_p: sampling.minP,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    repeat_penalty: sampling.repeatPenalty,
    logit_bias: sampling.logitBias && Object.fromEntries(sampling.logitBias),
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

function formatBody(json: AnswerJson): Record<string, unknown> {
  if (json.kind === 'object') return { type: 'json_object' };
  const { name, schema, isStrict: strict } = json;
  return { type: 'json_schema', json_schema: { name, schema, strict } };
}

function logprobsBody({ prompt, topLogprobs }: AskedCompletion): Record<string, unknown> {
  if (topLogprobs === null) return {};
  return prompt.kind === 'text' ? { logprobs: topLogprobs } : { logprobs: true, top_logprobs: topLogprobs };
}
