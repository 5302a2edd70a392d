/** The forms in which models write calls of tools, told from their templates, and the grammars that force them. */
import type { AnswerJson, Tool, ToolChoice } from '../../../shared/asked.ts';
import {
  createGrammarBuilder,
  jsonObjectGrammar,
  literal,
  schemaGrammar,
} from '../../../shared/json-grammar.ts';
import type { Prompt } from '../../ports/engine.ts';

/**
 * `hermes` (also Qwen): JSON between tags. `mistral`: a mark and a JSON array. `mistral-args`: for each call a mark, its
 * name, a second mark and its arguments. `llama3`: JSON with `parameters`. `generic`: JSON with `arguments`.
 */
export type ToolFormat = 'hermes' | 'mistral' | 'mistral-args' | 'llama3' | 'generic';

export const MARKS = {
  think: '<think>',
  endThink: '</think>',
  toolCall: '<tool_call>',
  endToolCall: '</tool_call>',
  mistralCalls: '[TOOL_CALLS]',
  mistralArgs: '[ARGS]',
  python: '<|python_tag|>',
} as const;

const PROBE = 'probe_of_tools';
/** A call in one of these is XML, which the parser doesn't read. */
const XML_CALL = '<function=';

/** Returns the format of a template; null if it ignores tools. */
export function detectFormat(
  source: string,
  render: (values: Record<string, unknown>) => string,
): ToolFormat | null {
  if (!source.includes('tools') || source.includes(XML_CALL)) return null;
  const parameters = {
    type: 'object',
    properties: { a: { type: 'string', description: 'A' } },
    required: ['a'],
  };
  const tool = { type: 'function', function: { name: PROBE, description: 'A probe.', parameters } };
  try {
    const messages = [{ role: 'user', content: 'Hello' }];
    if (!render({ messages, tools: [tool], add_generation_prompt: true }).includes(PROBE)) return null;
  } catch {
    return null;
  }
  if (source.includes(MARKS.toolCall)) return 'hermes';
  if (source.includes(MARKS.mistralCalls))
    return source.includes(MARKS.mistralArgs) ? 'mistral-args' : 'mistral';
  return source.includes('"parameters"') || source.includes('python_tag') ? 'llama3' : 'generic';
}

/** Calls of one answer that a grammar allows. */
const FORCED_CALLS_MAX = 16;

/** The grammar that a response must follow; null if it is free. Fails with `bad-request`. */
export function responseGrammar(
  prompt: Prompt,
  json: AnswerJson | null,
  format: ToolFormat | null,
): string | null {
  const { tools, toolChoice, isSingleCall } = prompt.kind === 'chat' ? prompt : {};
  if (!tools || format === null) return json === null ? null : jsonGrammar(json);
  const isForced = toolChoice !== undefined && toolChoice.kind !== 'auto';
  if (!isForced && json === null) return null;
  const builder = createGrammarBuilder();
  const calls = callsExpression(builder, chosen(tools, toolChoice), {
    format,
    isSingle: isSingleCall === true,
  });
  if (isForced || json === null) return builder.build(calls);
  const schema = json.kind === 'object' ? { type: 'object' } : json.schema;
  const answer = builder.add(schema, json.kind === 'schema' && json.isStrict);
  return builder.build(`${answer} space | ${calls}`);
}

function jsonGrammar(json: AnswerJson): string {
  return json.kind === 'object' ? jsonObjectGrammar() : schemaGrammar(json.schema, json.isStrict);
}

function chosen(tools: readonly Tool[], choice: ToolChoice | undefined): readonly Tool[] {
  return choice?.kind === 'name' ? tools.filter(({ name }) => name === choice.name) : tools;
}

function callsExpression(
  builder: ReturnType<typeof createGrammarBuilder>,
  tools: readonly Tool[],
  { format, isSingle }: { readonly format: ToolFormat; readonly isSingle: boolean },
): string {
  const key = format === 'llama3' ? 'parameters' : 'arguments';
  const each = tools.map(({ name, parameters = { type: 'object' }, strict = false }) => {
    const given = builder.add(parameters, strict);
    if (format === 'mistral-args') return `${literal(name + MARKS.mistralArgs)} ${given}`;
    return `${literal(`{"name": ${JSON.stringify(name)}, "${key}": `)} ${given} "}"`;
  });
  const call = `(${each.join(' | ')})`;
  const more = isSingle ? 0 : FORCED_CALLS_MAX - 1;
  const list = (separator: string, one: string) =>
    more === 0 ? one : `${one} (${literal(separator)} ${one}){0,${more}}`;
  switch (format) {
    case 'hermes':
      return list('\n', `${literal(`${MARKS.toolCall}\n`)} ${call} ${literal(`\n${MARKS.endToolCall}`)}`);
    case 'mistral':
      return `${literal(`${MARKS.mistralCalls}[`)} ${list(', ', call)} "]"`;
    case 'mistral-args':
      return list('', `${literal(MARKS.mistralCalls)} ${call}`);
    case 'llama3':
    case 'generic':
      return call;
  }
}
