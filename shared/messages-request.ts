/** Reads requests of Anthropic's Messages API by translating them into chat requests. */
import { z } from 'zod';
import type { AskedCompletion } from './asked.ts';
import { checkParameters, listIgnored, readChat, readShape, refusal } from './openai.ts';
import { MESSAGES_MAX, TOOLS_MAX } from './request-limits.ts';
import { renamed } from './responses-request.ts';

const textBlockSchema = z.looseObject({ type: z.literal('text'), text: z.string() });
const textSchema = z.union([z.string(), z.array(textBlockSchema).max(MESSAGES_MAX)], {
  error: 'must be a string or a list of text blocks',
});
const blockSchema = z.union(
  [
    textBlockSchema,
    z.looseObject({
      type: z.literal('tool_use'),
      id: z.string(),
      name: z.string(),
      input: z.record(z.string(), z.unknown()),
    }),
    z.looseObject({ type: z.literal('tool_result'), tool_use_id: z.string(), content: textSchema.nullish() }),
    z.looseObject({ type: z.literal('thinking'), thinking: z.string() }),
    z.looseObject({ type: z.literal('redacted_thinking') }),
  ],
  { error: 'must be a block of text, tool_use, tool_result or thinking' },
);
type Block = z.output<typeof blockSchema>;

const requestSchema = z.looseObject({
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['user', 'assistant']),
        content: z.union([z.string(), z.array(blockSchema).max(MESSAGES_MAX)], {
          error: 'must be a string or a list of blocks of text, tool_use, tool_result or thinking',
        }),
      }),
    )
    .min(1)
    .max(MESSAGES_MAX),
  system: textSchema.nullish(),
  max_tokens: z.number({ error: 'is required' }),
  tools: z
    .array(
      z.looseObject({
        type: z.literal('custom', { error: 'only the client’s own tools are supported' }).nullish(),
        name: z.string(),
        description: z.string().nullish(),
        input_schema: z.record(z.string(), z.unknown()),
      }),
    )
    .max(TOOLS_MAX)
    .nullish(),
  tool_choice: z
    .looseObject({
      type: z.enum(['auto', 'any', 'none', 'tool']),
      name: z.string().nullish(),
      disable_parallel_tool_use: z.boolean().nullish(),
    })
    .nullish(),
  thinking: z.looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive']) }).nullish(),
});
type Request = z.output<typeof requestSchema>;

const NAMES: Readonly<Record<string, string>> = { stop: 'stop_sequences' };

/** Parses a request body. Fails with `bad-request`; `details.param` is the parameter. */
export function readMessagesRequest(body: unknown): AskedCompletion {
  const unused = checkParameters('messages', body);
  const request = readShape(requestSchema, body);
  const { model, temperature, top_p, top_k, stream, max_tokens, stop_sequences: stop } = request;
  const system = request.system ?? '';
  const messages = request.messages.flatMap(({ role, content }) => toMessages(role, content));
  const last = messages.at(-1);
  // In this API a last message of the assistant is the beginning of the answer.
  const continues = last?.role === 'assistant' && last.tool_calls === undefined;
  const asked = renamed(NAMES, () =>
    readChat(
      {
        ...{ model, temperature, top_p, top_k, stream, max_tokens, stop },
        messages: [...(system === '' ? [] : [{ role: 'system', content: textOf(system) }]), ...messages],
        tools: request.tools?.map(({ name, description, input_schema }) => ({
          type: 'function',
          function: { name, description, parameters: input_schema },
        })),
        tool_choice: toToolChoice(request.tool_choice),
        parallel_tool_calls: request.tool_choice?.disable_parallel_tool_use === true ? false : undefined,
        reasoning_effort: request.thinking?.type === 'disabled' ? 'none' : undefined,
        ...(continues && { continue_final_message: true, add_generation_prompt: false }),
      },
      'messages',
    ),
  );
  return { ...asked, includeUsage: true, ignored: listIgnored(unused) };
}

interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly reasoning_content?: string;
  readonly tool_calls?: readonly object[];
  readonly tool_call_id?: string;
}

/** One message can become several: the results of tools are messages of their own. */
function toMessages(role: 'user' | 'assistant', content: string | readonly Block[]): ChatMessage[] {
  if (typeof content === 'string') return [{ role, content }];
  const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  const results = content.flatMap((block): ChatMessage[] =>
    block.type === 'tool_result'
      ? [{ role: 'tool', tool_call_id: block.tool_use_id, content: textOf(block.content ?? '') }]
      : [],
  );
  if (role === 'user')
    return [...results, ...(text === '' && results.length > 0 ? [] : [{ role, content: text }])];
  const reasoning = content.map((block) => (block.type === 'thinking' ? block.thinking : '')).join('');
  const calls = content.flatMap((block) =>
    block.type === 'tool_use'
      ? [
          {
            id: block.id,
            type: 'function',
            function: { name: block.name, arguments: JSON.stringify(block.input) },
          },
        ]
      : [],
  );
  return [
    {
      role,
      content: text,
      ...(reasoning !== '' && { reasoning_content: reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    },
  ];
}

function textOf(text: z.output<typeof textSchema>): string {
  return typeof text === 'string' ? text : text.map((block) => block.text).join('');
}

function toToolChoice(choice: Request['tool_choice']): unknown {
  if (!choice) return undefined;
  if (choice.type === 'any') return 'required';
  if (choice.type !== 'tool') return choice.type;
  if (!choice.name) throw refusal('tool_choice.name', 'is required', 'invalid_value');
  return { type: 'function', function: { name: choice.name } };
}
