/** Reads requests of OpenAI's Responses API by translating them into chat requests. Nothing is stored between two requests. */
import { z } from 'zod';
import type { AskedCompletion } from './asked.ts';
import { AppError, isAppError } from './errors.ts';
import { checkParameters, listIgnored, readChat, readShape } from './openai.ts';
import { MESSAGES_MAX, TOOLS_MAX } from './request-limits.ts';

const partSchema = z.looseObject({
  type: z.enum(['input_text', 'output_text', 'text', 'refusal', 'reasoning_text', 'summary_text'], {
    error: 'only text is supported',
  }),
  text: z.string().optional(),
  refusal: z.string().optional(),
});
const contentSchema = z.union([z.string(), z.array(partSchema).max(MESSAGES_MAX)], {
  error: 'must be a string or a list of text parts',
});

const itemSchema = z.union(
  [
    z.looseObject({
      type: z.literal('function_call'),
      call_id: z.string(),
      name: z.string(),
      arguments: z.string(),
    }),
    z.looseObject({ type: z.literal('function_call_output'), call_id: z.string(), output: contentSchema }),
    z.looseObject({
      type: z.literal('reasoning'),
      content: z.array(partSchema).max(MESSAGES_MAX).nullish(),
      summary: z.array(partSchema).max(MESSAGES_MAX).nullish(),
    }),
    z.looseObject({
      type: z.literal('message').optional(),
      role: z.enum(['system', 'developer', 'user', 'assistant']),
      content: contentSchema,
    }),
  ],
  { error: 'must be a message with text, a function call, its output or reasoning' },
);
type Item = z.output<typeof itemSchema>;

const formatSchema = z.union([
  z.looseObject({ type: z.enum(['text', 'json_object']) }),
  z.looseObject({
    type: z.literal('json_schema'),
    name: z.string(),
    schema: z.record(z.string(), z.unknown()),
    strict: z.boolean().nullish(),
  }),
]);

const toolSchema = z.looseObject({
  type: z.literal('function', { error: 'only functions are supported' }),
  name: z.string(),
  description: z.string().nullish(),
  parameters: z.record(z.string(), z.unknown()).nullish(),
  strict: z.boolean().nullish(),
});

const requestSchema = z.looseObject({
  input: z.union([z.string(), z.array(itemSchema).min(1).max(MESSAGES_MAX)], {
    error:
      'must be a string or a list of items: messages with text, function calls, their outputs and reasoning',
  }),
  instructions: z.string().nullish(),
  tools: z.array(toolSchema).max(TOOLS_MAX).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['none', 'auto', 'required']),
        z.looseObject({ type: z.literal('function'), name: z.string() }),
      ],
      {
        error: 'must be none, auto, required or a function',
      },
    )
    .nullish(),
  text: z.looseObject({ format: formatSchema.nullish() }).nullish(),
  reasoning: z.looseObject({ effort: z.string().max(40).nullish() }).nullish(),
});
type Request = z.output<typeof requestSchema>;

/** Parameters of chat requests under the names that this API has for them. */
const NAMES: Readonly<Record<string, string>> = {
  messages: 'input',
  max_tokens: 'max_output_tokens',
  response_format: 'text.format',
  reasoning_effort: 'reasoning.effort',
};

/** Parses a request body. Fails with `bad-request`; `details.param` is the parameter. */
export function readResponsesRequest(body: unknown): AskedCompletion {
  const unused = checkParameters('responses', body);
  const request = readShape(requestSchema, body);
  const { model, temperature, top_p, stream, parallel_tool_calls, max_output_tokens } = request;
  const asked = renamed(NAMES, () =>
    readChat(
      {
        ...{ model, temperature, top_p, stream, parallel_tool_calls, max_tokens: max_output_tokens },
        messages: [
          ...(request.instructions ? [{ role: 'system', content: request.instructions }] : []),
          ...toMessages(request.input),
        ],
        tools: request.tools?.map(({ type, name, description, parameters, strict }) => ({
          type,
          function: { name, description, parameters, strict },
        })),
        tool_choice: toToolChoice(request.tool_choice),
        response_format: toResponseFormat(request.text?.format),
        reasoning_effort: request.reasoning?.effort === 'none' ? 'none' : undefined,
      },
      'responses',
    ),
  );
  return { ...asked, includeUsage: true, ignored: listIgnored(unused) };
}

interface ChatMessage {
  role: string;
  content: string | null;
  reasoning_content?: string;
  tool_calls?: object[];
  tool_call_id?: string;
}

/** Joins text, reasoning and calls of one turn of the assistant, which are items of their own here. */
function toMessages(input: Request['input']): ChatMessage[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const messages: ChatMessage[] = [];
  /** The last message if it is an assistant's that the next item belongs to. */
  function turn(): ChatMessage {
    const last = messages.at(-1);
    if (last?.role === 'assistant') return last;
    const begun: ChatMessage = { role: 'assistant', content: null };
    messages.push(begun);
    return begun;
  }
  for (const item of input) addItem(item, messages, turn);
  return messages;
}

function addItem(item: Item, messages: ChatMessage[], turn: () => ChatMessage): void {
  if (item.type === 'function_call') {
    const call = {
      id: item.call_id,
      type: 'function',
      function: { name: item.name, arguments: item.arguments },
    };
    const assistant = turn();
    assistant.tool_calls = [...(assistant.tool_calls ?? []), call];
  } else if (item.type === 'function_call_output') {
    messages.push({ role: 'tool', tool_call_id: item.call_id, content: textOf(item.output) });
  } else if (item.type === 'reasoning') {
    const thought = textOf(item.content ?? item.summary ?? []);
    // Reasoning comes before the rest of its turn.
    if (thought !== '') messages.push({ role: 'assistant', content: null, reasoning_content: thought });
  } else if (item.role === 'assistant') {
    const last = messages.at(-1);
    if (last?.role === 'assistant' && last.content === null && last.tool_calls === undefined) {
      last.content = textOf(item.content);
    } else {
      messages.push({ role: 'assistant', content: textOf(item.content) });
    }
  } else {
    messages.push({ role: item.role, content: textOf(item.content) });
  }
}

function textOf(content: string | readonly z.output<typeof partSchema>[]): string {
  if (typeof content === 'string') return content;
  return content.map((part) => part.text ?? part.refusal ?? '').join('');
}

function toToolChoice(choice: Request['tool_choice']): unknown {
  return typeof choice === 'object' && choice !== null
    ? { type: 'function', function: { name: choice.name } }
    : choice;
}

function toResponseFormat(format: z.output<typeof formatSchema> | null | undefined): unknown {
  if (format?.type !== 'json_schema') return format;
  const { type, name, schema, strict } = format;
  return { type, json_schema: { name, schema, strict } };
}

/** Runs a translation; an error has the parameter's name in the client's API. */
export function renamed<T>(names: Readonly<Record<string, string>>, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!isAppError(error) || typeof error.details.param !== 'string') throw error;
    const [first = '', ...rest] = error.details.param.split('.');
    const name = names[first];
    if (name === undefined) throw error;
    const param = first === 'messages' ? name : [name, ...rest].join('.');
    const message = error.message.replace(error.details.param, param);
    throw new AppError(error.code, message, { cause: error, details: { ...error.details, param } });
  }
}
