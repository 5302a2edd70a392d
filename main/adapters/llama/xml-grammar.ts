/** The grammar of calls that a model writes as XML, as Qwen3-Coder does, and which of their parameters are plain text. */
import type { Tool } from '../../../shared/asked.ts';
import { AppError } from '../../../shared/errors.ts';
import { type GrammarBuilder, literal } from '../../../shared/json-grammar.ts';
import { MARKS } from './tool-marks.ts';

/** Text without the beginning of an end mark; in a forced call it can't contain `</`. */
const TEXT = '([^<] | "<"+ [^/<])';
/** Keywords that a text between tags can't be made to follow. */
const UNENFORCED = ['format', 'minLength', 'maxLength', 'pattern'];

/** Returns whether a parameter is text whatever it looks like; one without a schema is. */
export function textParameters(tools: readonly Tool[]): (name: string, key: string) => boolean {
  const schemas = new Map(tools.map(({ name, parameters }) => [name, propertiesOf(parameters)]));
  return (name, key) => isText(schemas.get(name)?.[key]);
}

/** Returns the expression of one call. Fails with `bad-request`. */
export function xmlCall(builder: GrammarBuilder, { name, parameters = {}, strict = false }: Tool): string {
  const required = new Set(Array.isArray(parameters.required) ? parameters.required : []);
  const each = Object.entries(propertiesOf(parameters)).map(([key, schema]) => {
    const value = isText(schema) ? textValue(schema, strict) : builder.add(schema, strict, parameters);
    const one = `${literal(`<parameter=${key}>\n`)} ${value} ${literal('\n</parameter>\n')}`;
    return required.has(key) ? one : `(${one})?`;
  });
  return [literal(`${MARKS.xmlCall}${name}>\n`), ...each, literal('</function>')].join(' ');
}

function textValue(schema: unknown, isStrict: boolean): string {
  const { const: only, enum: values = only === undefined ? undefined : [only], ...rest } = record(schema);
  if (Array.isArray(values)) return `(${values.map((value) => literal(String(value))).join(' | ')})`;
  const unenforced = UNENFORCED.find((keyword) => keyword in rest);
  if (isStrict && unenforced !== undefined) {
    throw new AppError(
      'bad-request',
      `The schema’s keyword "${unenforced}" isn’t supported for a text in this model’s format of calls.`,
      { details: { param: 'tools', code: 'invalid_json_schema' } },
    );
  }
  return `${TEXT}*`;
}

function isText(schema: unknown): boolean {
  if (schema === undefined) return true;
  const { type, enum: values, const: only } = record(schema);
  if (type !== undefined) return type === 'string';
  if (Array.isArray(values)) return values.every((value) => typeof value === 'string');
  return typeof only === 'string';
}

function propertiesOf(parameters: Tool['parameters']): Readonly<Record<string, unknown>> {
  return record(parameters?.properties);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isRecord ? (value as Readonly<Record<string, unknown>>) : {};
}
