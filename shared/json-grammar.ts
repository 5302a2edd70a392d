/**
 * Turns a JSON schema into a GBNF grammar, so that the model can only write JSON that the schema allows. A strict schema
 * with a keyword that a grammar can't enforce is rejected by the keyword's name; in other schemas such keywords only
 * describe.
 */
import { AppError } from './errors.ts';
import {
  GRAMMAR_CHARACTERS_MAX,
  GRAMMAR_RULES_MAX,
  REPETITIONS_MAX,
  REPETITIONS_TOTAL_MAX,
  SCHEMA_CHARACTERS_MAX,
  SCHEMA_DEPTH_MAX,
} from './request-limits.ts';

/** A set of named rules, to which schemas are added. */
export interface GrammarBuilder {
  /**
   * Adds the rules of a schema and returns the expression that matches it. References are relative to the document, which
   * is the schema itself unless it is given. Fails with `bad-request`.
   */
  add(schema: unknown, isStrict: boolean, document?: unknown): string;
  /** Returns the grammar that matches `root`. Fails with `bad-request` if it is too large. */
  build(root: string): string;
}

/** At most this many blanks between two tokens, so that a model can't write blanks forever. */
const SPACE_RULE = '| " " | "\\n" [ \\t]{0,20}';
const CHAR_RULE = '[^"\\\\\\x7F\\x00-\\x1F] | [\\\\] (["\\\\/bfnrt] | "u" [0-9a-fA-F]{4})';
const PRIMITIVES: Readonly<Record<string, string>> = {
  boolean: '("true" | "false")',
  null: '"null"',
  number: '"-"? ([0-9] | [1-9] [0-9]{1,15}) ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,3})?',
  integer: '"-"? ([0-9] | [1-9] [0-9]{1,15})',
};
const DIGITS = (count: number) => `[0-9]{${count}}`;
const DATE = `${DIGITS(4)} "-" ("0" [1-9] | "1" [0-2]) "-" ("0" [1-9] | [1-2] [0-9] | "3" [0-1])`;
const TIME = `([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{3})? ("Z" | [+-] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9])`;
const HEX = (count: number) => `[0-9a-fA-F]{${count}}`;
const FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  'date-time': `${DATE} "T" ${TIME}`,
  uuid: `${HEX(8)} "-" ${HEX(4)} "-" ${HEX(4)} "-" ${HEX(4)} "-" ${HEX(12)}`,
};

/** Keywords that describe and don't restrict. */
const NOTES = new Set([
  ...['$schema', '$id', '$comment', '$defs', 'definitions', 'title', 'description', 'default', 'examples'],
  ...['example', 'deprecated', 'readOnly', 'writeOnly', 'nullable', 'discriminator', 'strict'],
]);
/** Keywords that are enforced, by the kind of schema in which they mean something. */
const ENFORCED = new Set([
  ...['type', 'enum', 'const', 'anyOf', 'oneOf', 'allOf', '$ref', 'properties', 'required'],
  ...[
    'additionalProperties',
    'items',
    'prefixItems',
    'minItems',
    'maxItems',
    'minLength',
    'maxLength',
    'format',
  ],
]);
const TYPES = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;

/** Returns the grammar for a whole answer that is JSON of this schema. Fails with `bad-request`. */
export function schemaGrammar(schema: unknown, isStrict: boolean): string {
  const builder = createGrammarBuilder();
  return builder.build(`${builder.add(schema, isStrict)} space`);
}

/** Returns the grammar for a whole answer that is any JSON object. */
export function jsonObjectGrammar(): string {
  const builder = createGrammarBuilder();
  return builder.build(`${builder.add({ type: 'object' }, false)} space`);
}

/** A GBNF literal of this text. */
export function literal(text: string): string {
  const escaped = text.replace(/[\\"\n\r\t]/g, (character) => ESCAPES[character] ?? character);
  return `"${escaped}"`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

export function createGrammarBuilder(): GrammarBuilder {
  const rules = new Map<string, string>([
    ['space', SPACE_RULE],
    ['char', CHAR_RULE],
  ]);
  return {
    add(schema, isStrict, document = schema) {
      if ((JSON.stringify(document) ?? '').length > SCHEMA_CHARACTERS_MAX) {
        throw refused(`The schema exceeds ${SCHEMA_CHARACTERS_MAX} characters.`);
      }
      return new SchemaRules(rules, document, isStrict).expression(schema, 0);
    },
    build(root) {
      const grammar = [...rules, ['root', root]].map(([name, body]) => `${name} ::= ${body}`).join('\n');
      if (grammar.length > GRAMMAR_CHARACTERS_MAX) throw refused('The schema is too large.');
      return grammar;
    },
  };
}

type Keywords = Readonly<Record<string, unknown>>;

/** The rules of one schema; references are relative to it. */
class SchemaRules {
  readonly #rules: Map<string, string>;
  readonly #document: unknown;
  readonly #isStrict: boolean;
  /** Rule names by reference, so that a schema may refer to itself. */
  readonly #references = new Map<string, string>();
  #repetitions = 0;

  constructor(rules: Map<string, string>, document: unknown, isStrict: boolean) {
    this.#rules = rules;
    this.#document = document;
    this.#isStrict = isStrict;
  }

  expression(schema: unknown, depth: number): string {
    if (depth > SCHEMA_DEPTH_MAX) throw refused(`The schema nests deeper than ${SCHEMA_DEPTH_MAX} levels.`);
    if (schema === true) return this.#anyValue();
    if (!isObject(schema)) throw refused('The schema must be a JSON object.');
    const unknown = Object.keys(schema).find((key) => !NOTES.has(key) && !ENFORCED.has(key));
    if (unknown !== undefined && this.#isStrict)
      throw refused(`The schema’s keyword "${clip(unknown)}" isn’t supported.`);
    if (typeof schema.$ref === 'string') return this.#reference(schema.$ref, depth);
    if ('const' in schema) return this.#literals([schema.const]);
    if (Array.isArray(schema.enum)) return this.#literals(schema.enum);
    const either = schema.anyOf ?? schema.oneOf;
    if (Array.isArray(either)) return this.#either(either, depth);
    if (Array.isArray(schema.allOf)) return this.#all(schema, schema.allOf, depth);
    return this.#typed(schema, depth);
  }

  #typed(schema: Keywords, depth: number): string {
    const { type } = schema;
    if (Array.isArray(type))
      return this.#either(
        type.map((each) => ({ ...schema, type: each })),
        depth,
      );
    if (schema.nullable === true && type !== 'null') {
      return this.#either([{ ...schema, nullable: false }, { type: 'null' }], depth);
    }
    const kind = type ?? impliedType(schema);
    if (kind === undefined) return this.#anyValue();
    if (!(TYPES as readonly unknown[]).includes(kind))
      throw refused(`The schema’s type "${clip(kind)}" is unknown.`);
    if (kind === 'object') return this.#object(schema, depth);
    if (kind === 'array') return this.#array(schema, depth);
    if (kind === 'string') return this.#string(schema);
    return this.#named(String(kind), PRIMITIVES[String(kind)] ?? '""');
  }

  /** Alternatives; an alternative that is an object or array gets a rule of its own. */
  #either(schemas: readonly unknown[], depth: number): string {
    if (schemas.length === 0) throw refused('The schema has no alternative.');
    return this.#rule('either', schemas.map((each) => this.expression(each, depth + 1)).join(' | '));
  }

  /** Only a single schema, or objects whose properties can be joined. */
  #all(schema: Keywords, parts: readonly unknown[], depth: number): string {
    const { allOf: _, ...own } = schema;
    const all = [...parts, own].map((part) => this.#resolved(part, depth)).filter((part) => hasRule(part));
    const [only] = all;
    if (all.length === 1) return this.expression(only, depth + 1);
    if (!all.every((part) => impliedType(part) === 'object' || part.type === 'object')) {
      throw refused('The schema’s keyword "allOf" is supported for objects only.');
    }
    const joined = {
      type: 'object',
      properties: Object.assign({}, ...all.map((part) => part.properties ?? {})),
      required: all.flatMap((part) => (Array.isArray(part.required) ? part.required : [])),
      additionalProperties: all.some((part) => part.additionalProperties === false) ? false : undefined,
    };
    return this.expression(withoutUndefined(joined), depth + 1);
  }

  #resolved(part: unknown, depth: number): Keywords {
    if (!isObject(part)) throw refused('The schema must be a JSON object.');
    if (typeof part.$ref !== 'string') return part;
    if (depth > SCHEMA_DEPTH_MAX) throw refused(`The schema nests deeper than ${SCHEMA_DEPTH_MAX} levels.`);
    return this.#resolved(this.#find(part.$ref), depth + 1);
  }

  #reference(reference: string, depth: number): string {
    const known = this.#references.get(reference);
    if (known !== undefined) return known;
    const name = this.#reserve('ref');
    this.#references.set(reference, name);
    // A rule that begins with itself has no end.
    if (this.#isCircular(reference)) throw refused('The schema’s references are circular.');
    this.#rules.set(name, this.expression(this.#find(reference), depth + 1));
    return name;
  }

  /** True if following references and alternatives from here leads back here without any JSON in between. */
  #isCircular(start: string): boolean {
    const seen = new Set<string>();
    const waiting: unknown[] = [this.#find(start)];
    for (let schema = waiting.pop(); schema !== undefined; schema = waiting.pop()) {
      if (!isObject(schema)) continue;
      for (const key of ['anyOf', 'oneOf', 'allOf'] as const) {
        const parts = schema[key];
        if (Array.isArray(parts)) waiting.push(...parts);
      }
      const { $ref } = schema;
      if (typeof $ref !== 'string') continue;
      if ($ref === start) return true;
      if (seen.has($ref)) continue;
      seen.add($ref);
      waiting.push(this.#find($ref));
    }
    return false;
  }

  #find(reference: string): unknown {
    if (reference !== '#' && !reference.startsWith('#/')) {
      throw refused('The schema may only refer to its own definitions.');
    }
    let found: unknown = this.#document;
    for (const part of reference.split('/').slice(1)) {
      const key = decodePointer(part);
      if (!isObject(found) || !Object.hasOwn(found, key))
        throw refused(`The schema has no "${clip(reference)}".`);
      found = found[key];
    }
    return found;
  }

  #object(schema: Keywords, depth: number): string {
    const properties = schema.properties ?? {};
    if (!isObject(properties)) throw refused('The schema’s "properties" must be an object.');
    const required = new Set(Array.isArray(schema.required) ? schema.required : []);
    const fields = Object.entries(properties).map(([key, value]) => ({
      pair: `${literal(JSON.stringify(key))} ":" " "? ${this.expression(value, depth + 1)}`,
      isRequired: required.has(key),
    }));
    const missing = [...required].find((key) => typeof key !== 'string' || !Object.hasOwn(properties, key));
    if (missing !== undefined) throw refused(`The schema requires "${clip(missing)}" and doesn’t define it.`);
    const extra = this.#extraPair(schema, fields.length === 0, depth);
    if (fields.length === 0 && extra === null) return this.#named('empty-object', '"{" space "}"');
    return this.#rule('object', `"{" space ${this.#members(fields, extra)} "}"`);
  }

  /** The pair of additional properties; null if there are none. Without the keyword only an object without properties has them. */
  #extraPair(schema: Keywords, isOpen: boolean, depth: number): string | null {
    const { additionalProperties: extra } = schema;
    if (extra === false || (extra === undefined && !isOpen)) return null;
    // An object with named properties of its own gets no invented ones unless their schema is given.
    if (extra === true && !isOpen) return null;
    const value =
      extra === undefined || extra === true ? this.#anyValue() : this.expression(extra, depth + 1);
    return `${this.#anyString()} ":" " "? ${value}`;
  }

  /** Members in the order of the schema; each optional one may be left out. */
  #members(
    fields: readonly { readonly pair: string; readonly isRequired: boolean }[],
    extra: string | null,
  ): string {
    const comma = '"," space';
    const extraRule = extra === null ? null : this.#rule('extra', extra);
    const moreExtra = extraRule === null ? '' : ` (${comma} ${extraRule})*`;
    // From the back: what may follow when members have been written, and when none has.
    let after = `${moreExtra} space`;
    let first = extraRule === null ? 'space' : `(${extraRule}${moreExtra})? space`;
    for (const { pair, isRequired } of [...fields].reverse()) {
      const rest = this.#rule('rest', after);
      const pairRule = this.#rule('pair', pair);
      const written = `${pairRule} ${rest}`;
      first = isRequired ? written : `(${written} | ${this.#rule('first', first)})`;
      after = isRequired ? `${comma} ${written}` : `(${comma} ${written} | ${rest})`;
    }
    return first;
  }

  #array(schema: Keywords, depth: number): string {
    const prefix = schema.prefixItems;
    if (Array.isArray(prefix)) {
      if (prefix.length === 0) return '"[" space "]"';
      const items = prefix.map((item) => this.expression(item, depth + 1));
      return this.#rule('tuple', `"[" space ${items.join(' "," space ')} space "]"`);
    }
    const item = schema.items === undefined ? this.#anyValue() : this.expression(schema.items, depth + 1);
    const [min, max] = this.#range(schema, 'minItems', 'maxItems');
    if (max === 0) return '"[" space "]"';
    const itemRule = this.#rule('item', item);
    const more = `("," space ${itemRule})${repeat(Math.max(0, min - 1), max === null ? null : max - 1)}`;
    const items = min === 0 ? `(${itemRule} ${more})?` : `${itemRule} ${more}`;
    return this.#rule('array', `"[" space ${items} space "]"`);
  }

  #string(schema: Keywords): string {
    const { format } = schema;
    if (format !== undefined) {
      if (typeof format === 'string' && Object.hasOwn(FORMATS, format)) {
        return this.#named(`format-${format}`, `"\\"" ${FORMATS[format]} "\\""`);
      }
      if (this.#isStrict) throw refused(`The schema’s format "${clip(format)}" isn’t supported.`);
    }
    const [min, max] = this.#range(schema, 'minLength', 'maxLength');
    if (min === 0 && max === null) return this.#anyString();
    return this.#rule('string', `"\\"" char${repeat(min, max)} "\\""`);
  }

  #range(schema: Keywords, minKey: string, maxKey: string): readonly [number, number | null] {
    const min = count(schema, minKey) ?? 0;
    const max = count(schema, maxKey);
    if (max !== null && max < min) throw refused(`The schema’s "${maxKey}" is less than its "${minKey}".`);
    this.#repetitions += max ?? min;
    if (this.#repetitions > REPETITIONS_TOTAL_MAX) throw refused('The schema repeats too much.');
    return [min, max];
  }

  #literals(values: readonly unknown[]): string {
    if (values.length === 0) throw refused('The schema has no alternative.');
    return this.#rule('literal', values.map((value) => literal(JSON.stringify(value) ?? 'null')).join(' | '));
  }

  #anyString(): string {
    return this.#named('string', '"\\"" char* "\\""');
  }

  #anyValue(): string {
    const text = this.#anyString();
    const number = this.#named('number', PRIMITIVES.number ?? '');
    this.#named(
      'any-object',
      `"{" space (${text} ":" " "? any ("," space ${text} ":" " "? any)*)? space "}"`,
    );
    this.#named('any-array', '"[" space (any ("," space any)*)? space "]"');
    return this.#named('any', `any-object | any-array | ${text} | ${number} | "true" | "false" | "null"`);
  }

  /** A rule with a fixed name and meaning, shared by all schemas of the grammar. */
  #named(name: string, body: string): string {
    this.#rules.set(name, body);
    return name;
  }

  #rule(kind: string, body: string): string {
    const name = this.#reserve(kind);
    this.#rules.set(name, body);
    return name;
  }

  #reserve(kind: string): string {
    if (this.#rules.size >= GRAMMAR_RULES_MAX) throw refused('The schema is too large.');
    const name = `${kind}-${this.#rules.size}`;
    this.#rules.set(name, '""');
    return name;
  }
}

function impliedType(schema: Keywords): string | undefined {
  if ('properties' in schema || 'additionalProperties' in schema) return 'object';
  if ('items' in schema || 'prefixItems' in schema) return 'array';
  return 'minLength' in schema || 'maxLength' in schema || 'format' in schema ? 'string' : undefined;
}

function hasRule(schema: Keywords): boolean {
  return Object.keys(schema).some((key) => ENFORCED.has(key));
}

function withoutUndefined(schema: Keywords): Keywords {
  return Object.fromEntries(Object.entries(schema).filter(([, value]) => value !== undefined));
}

function repeat(min: number, max: number | null): string {
  if (max === null) return min === 0 ? '*' : `{${min},}`;
  return `{${min},${max}}`;
}

function count(schema: Keywords, key: string): number | null {
  const value = schema[key];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) {
    throw refused(`The schema’s "${key}" must be a whole number.`);
  }
  if (value > REPETITIONS_MAX) throw refused(`The schema’s "${key}" exceeds ${REPETITIONS_MAX}.`);
  return value;
}

function decodePointer(part: string): string {
  try {
    return decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch {
    throw refused('The schema has an invalid reference.');
  }
}

function isObject(value: unknown): value is Keywords {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The beginning of a value from the schema. */
function clip(value: unknown): string {
  // A value of JSON may be an object that can't become a string, such as `{"toString": null}`.
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.slice(0, 40);
}

function refused(message: string): AppError {
  return new AppError('bad-request', message, { details: { code: 'invalid_json_schema' } });
}
