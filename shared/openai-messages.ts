/** The messages, tools and formats of chat requests as clients send them, and their meaning. */
import { z } from 'zod';
import type { AnswerJson, AskedMessage, Tool, ToolCall, ToolChoice } from './asked.ts';
import { isDeepJson } from './json.ts';
import { createGrammarBuilder } from './json-grammar.ts';
import {
  MESSAGES_MAX,
  SCHEMA_DEPTH_MAX,
  TOOL_CALL_ID_CHARACTERS_MAX,
  TOOL_CALLS_MAX,
  TOOL_NAME_CHARACTERS_MAX,
  TOOLS_CHARACTERS_MAX,
  TOOLS_MAX,
} from './request-limits.ts';

const NAME = z
  .string()
  .min(1)
  .max(TOOL_NAME_CHARACTERS_MAX)
  .regex(/^[a-zA-Z0-9_.-]+$/, { error: 'must have only letters, digits, "_", "-" and "."' });
const CALL_ID = z.string().max(TOOL_CALL_ID_CHARACTERS_MAX);

/** Unknown keys of parts (for example `cache_control`) describe how to store a part, never its text. */
const textPartSchema = z.looseObject({
  type: z.enum(['text', 'input_text', 'output_text']),
  text: z.string(),
});
const contentSchema = z.union([z.string(), z.array(textPartSchema).max(MESSAGES_MAX)], {
  error: 'must be a string or a list of text parts; other kinds of content aren’t supported',
});

const toolCallSchema = z.looseObject({
  id: CALL_ID,
  type: z.literal('function').optional(),
  function: z.looseObject({ name: NAME, arguments: z.string() }),
});

/** Rejects values that would be lost, for example the sound of an answer. */
const nothing = z.custom<unknown>((value) => value === null, { error: 'isn’t supported' }).optional();

export const messageSchema = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: contentSchema.nullish(),
  name: z.string().max(TOOL_NAME_CHARACTERS_MAX).nullish(),
  tool_calls: z.array(toolCallSchema).max(TOOL_CALLS_MAX).nullish(),
  tool_call_id: CALL_ID.nullish(),
  reasoning_content: z.string().nullish(),
  refusal: z.string().nullish(),
  audio: nothing,
  function_call: nothing,
});
type Message = z.output<typeof messageSchema>;

export const toolSchema = z.looseObject({
  type: z.literal('function', { error: 'only functions are supported' }),
  function: z.looseObject({
    name: NAME,
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});

export const toolChoiceSchema = z.union(
  [
    z.enum(['none', 'auto', 'required']),
    z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: NAME }) }),
  ],
  { error: 'must be none, auto, required or a function' },
);

export const responseFormatSchema = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object') }),
    z.looseObject({
      type: z.literal('json_schema'),
      json_schema: z.looseObject({
        name: z.string().max(TOOL_NAME_CHARACTERS_MAX),
        schema: z.record(z.string(), z.unknown()),
        strict: z.boolean().nullish(),
      }),
    }),
  ],
  { error: 'must be text, json_object or a json_schema' },
);

/** A failure with the parameter that caused it. */
export type Refuse = (param: string, what: string, code?: string) => never;

/** Reads the messages. `refuse` is called for what the schema can't tell. */
export function readMessages(messages: readonly Message[], refuse: Refuse): AskedMessage[] {
  return messages.map((message, index) => readMessage(message, `messages.${index}`, refuse));
}

function readMessage(message: Message, at: string, refuse: Refuse): AskedMessage {
  const { role, name, tool_call_id: toolCallId, reasoning_content: reasoning } = message;
  const calls = message.tool_calls ?? [];
  if (calls.length > 0 && role !== 'assistant') refuse(`${at}.tool_calls`, 'only the assistant calls tools');
  if (role === 'tool' && typeof toolCallId !== 'string') refuse(`${at}.tool_call_id`, 'is required');
  // Clients send an answer without text as null, or leave the content out next to tool calls.
  const content = contentText(message.content) ?? message.refusal ?? null;
  if (content === null && role !== 'assistant') refuse(`${at}.content`, 'is required');
  const toolCalls = calls.map((call, position) => readCall(call, `${at}.tool_calls.${position}`, refuse));
  return {
    role: role === 'developer' ? 'system' : role,
    content: content ?? '',
    ...(typeof name === 'string' && name !== '' && { name }),
    ...(typeof reasoning === 'string' && reasoning !== '' && { reasoning }),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(typeof toolCallId === 'string' && { toolCallId }),
  };
}

function readCall(call: z.output<typeof toolCallSchema>, at: string, refuse: Refuse): ToolCall {
  const { name, arguments: given } = call.function;
  if (isDeepJson(given)) refuse(`${at}.function.arguments`, 'nests too deep');
  return { id: call.id, name, arguments: given };
}

function contentText(content: Message['content']): string | null {
  if (content === null || content === undefined) return null;
  return typeof content === 'string' ? content : content.map((part) => part.text).join('');
}

/** Reads the tools and checks their limits and schemas. */
export function readTools(tools: readonly z.output<typeof toolSchema>[], refuse: Refuse): Tool[] {
  if (tools.length > TOOLS_MAX) refuse('tools', `must have at most ${TOOLS_MAX} functions`);
  const read = tools.map(
    ({ function: { name, description, parameters, strict } }): Tool => ({
      name,
      ...(typeof description === 'string' && { description }),
      ...(parameters && { parameters }),
      ...(strict === true && { strict }),
    }),
  );
  const json = JSON.stringify(read);
  if (json.length > TOOLS_CHARACTERS_MAX)
    refuse('tools', `exceed ${TOOLS_CHARACTERS_MAX} characters together`);
  const names = new Set<string>();
  const grammar = createGrammarBuilder();
  for (const [index, { name, parameters, strict = false }] of read.entries()) {
    if (names.has(name)) refuse(`tools.${index}.function.name`, 'is used twice');
    names.add(name);
    if (depthOf(parameters) > 2 * SCHEMA_DEPTH_MAX)
      refuse(`tools.${index}.function.parameters`, 'nests too deep');
    grammar.add(parameters ?? { type: 'object' }, strict);
  }
  grammar.build('""');
  return read;
}

function depthOf(value: unknown): number {
  let depth = 0;
  let level: unknown[] = [value];
  while (level.length > 0) {
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
    depth += 1;
  }
  return depth;
}

export function readToolChoice(
  choice: z.output<typeof toolChoiceSchema> | null | undefined,
  tools: readonly Tool[],
  refuse: Refuse,
): ToolChoice | 'none' {
  if (choice === 'none') return 'none';
  if (choice === 'auto' || choice === null || choice === undefined) return { kind: 'auto' };
  if (tools.length === 0) return refuse('tool_choice', 'requires tools');
  if (choice === 'required') return { kind: 'required' };
  const { name } = choice.function;
  if (!tools.some((tool) => tool.name === name)) return refuse('tool_choice', 'must be one of the tools');
  return { kind: 'name', name };
}

export function readResponseFormat(
  format: z.output<typeof responseFormatSchema> | null | undefined,
): AnswerJson | null {
  if (!format || format.type === 'text') return null;
  if (format.type === 'json_object') return { kind: 'object' };
  const { name, schema, strict } = format.json_schema;
  const grammar = createGrammarBuilder();
  grammar.build(grammar.add(schema, strict === true));
  return { kind: 'schema', name, schema, isStrict: strict === true };
}
