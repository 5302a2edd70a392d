/** The forms in which models write calls of tools, told from their templates, and the grammars that force them. */
import type { AnswerJson, Tool, ToolChoice } from '../../../shared/asked.ts';
import {
  createGrammarBuilder,
  type GrammarBuilder,
  jsonObjectGrammar,
  literal,
  schemaGrammar,
} from '../../../shared/json-grammar.ts';
import type { Prompt } from '../../ports/engine.ts';
import { MARKS } from './tool-marks.ts';
import { xmlCall } from './xml-grammar.ts';

/**
 * `hermes` (also Qwen): JSON between tags. `xml` (Qwen3-Coder): tags for each parameter. `mistral`: a mark and a JSON array. `mistral-args`: for each call a mark, its
 * name, a second mark and its arguments. `llama3`: JSON with `parameters`. `generic`: JSON with `arguments`.
 */
export type ToolFormat = 'hermes' | 'xml' | 'mistral' | 'mistral-args' | 'llama3' | 'generic';

const PROBE = 'probe_of_tools';
const XML_PARAMETER = '<parameter=';

/** Returns the format of a template; null if it ignores tools. */
export function detectFormat(
  source: string,
  render: (values: Record<string, unknown>) => string,
): ToolFormat | null {
  // Between the tags of a function there may also be JSON, which the parser doesn't read.
  const isXml = source.includes(MARKS.xmlCall);
  if (!source.includes('tools') || (isXml && !source.includes(XML_PARAMETER))) return null;
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
  if (isXml) return 'xml';
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

/** The expression of one call. */
function callExpression(builder: GrammarBuilder, tool: Tool, format: ToolFormat): string {
  if (format === 'xml') return xmlCall(builder, tool);
  const { name, parameters = { type: 'object' }, strict = false } = tool;
  const given = builder.add(parameters, strict);
  if (format === 'mistral-args') return `${literal(name + MARKS.mistralArgs)} ${given}`;
  const key = format === 'llama3' ? 'parameters' : 'arguments';
  return `${literal(`{"name": ${JSON.stringify(name)}, "${key}": `)} ${given} "}"`;
}

function callsExpression(
  builder: GrammarBuilder,
  tools: readonly Tool[],
  { format, isSingle }: { readonly format: ToolFormat; readonly isSingle: boolean },
): string {
  const call = `(${tools.map((tool) => callExpression(builder, tool, format)).join(' | ')})`;
  const more = isSingle ? 0 : FORCED_CALLS_MAX - 1;
  const list = (separator: string, one: string) =>
    more === 0 ? one : `${one} (${literal(separator)} ${one}){0,${more}}`;
  switch (format) {
    case 'hermes':
    case 'xml':
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
