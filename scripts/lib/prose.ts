/**
 * Reads the prose of a file: comments, documentation, test titles, messages and interface strings. Identifiers, wire
 * values, links, inline code and code blocks are blanked, because their words are not free.
 */
import { parseAst } from 'vite';
import { z } from 'zod';

export type ProseKind = 'head' | 'doc' | 'comment' | 'markdown' | 'title' | 'message' | 'string';

export interface Prose {
  /** A head is the first comment of a file; a message is a sentence in a string of the code. */
  readonly kind: ProseKind;
  /** 1-based line of the first character. */
  readonly line: number;
  /** Has the file's line breaks, so that an offset leads to a line of the file. */
  readonly text: string;
}

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Quote extends Span {
  readonly text: string;
}

/** Nodes with prose or with text that is none; validating the others too would take most of the time. */
const READ_NODES: ReadonlySet<unknown> = new Set([
  'Literal',
  'TemplateElement',
  'TemplateLiteral',
  'JSXText',
  'CallExpression',
]);
const TITLED_CALLS = new Set(['test', 'it', 'describe', 'suite']);
/** Number of words from which a string of the code counts as a message, if it starts with a capital letter. */
const MESSAGE_WORDS_MIN = 4;
const SLASH_COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*/g;
const HASH_COMMENTS = /(?<=^|\s)#.*/gm;
const MARKUP_COMMENTS = /<!--[\s\S]*?-->/g;
/** String literals of C, Solidity and CSS. */
const QUOTED = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g;

const spanSchema = z.object({ start: z.number(), end: z.number() });
const opaqueSchema = spanSchema.extend({ type: z.enum(['Literal', 'TemplateElement', 'JSXText']) });
const stringSchema = spanSchema.extend({ type: z.literal('Literal'), value: z.string() });
const templateSchema = spanSchema.extend({
  type: z.literal('TemplateLiteral'),
  quasis: z.array(z.object({ value: z.object({ raw: z.string() }) })),
});
const nameSchema = z.object({ type: z.literal('Identifier'), name: z.string() });
const callSchema = z.object({
  type: z.literal('CallExpression'),
  callee: z.union([nameSchema, z.object({ property: nameSchema }).transform(({ property }) => property)]),
  arguments: z.array(z.unknown()),
});

/** Returns null for a kind of file without prose. `path` has forward slashes. */
export function readProse(path: string, text: string): Prose[] | null {
  if (path.endsWith('.md') || path.includes('ISSUE_TEMPLATE/')) {
    return [{ kind: 'markdown', line: 1, text: withoutCode(text) }];
  }
  if (path.endsWith('strings/en.json')) return jsonStrings(text);
  if (/\.tsx?$/.test(path)) return typescriptProse(path, text);
  if (/\.(c|h|sol)$/.test(path))
    return comments(text, SLASH_COMMENTS, [...text.matchAll(QUOTED)].map(spanOf));
  if (path.endsWith('.css')) return comments(text, /\/\*[\s\S]*?\*\//g, []);
  if (/\.(html|svg)$/.test(path)) return comments(text, MARKUP_COMMENTS, []);
  if (/\.(ya?ml|py)$|(^|\/)\.[a-z]+$|^ci\//.test(path)) return comments(text, HASH_COMMENTS, []);
  return null;
}

function typescriptProse(path: string, text: string): Prose[] {
  const { body } = parseAst(text, { lang: path.endsWith('x') ? 'tsx' : 'ts' });
  // Sentences in a test are its data: prompts, inputs and expected texts.
  const isTest = path.startsWith('test/');
  const opaque: Span[] = [];
  const titles = new Map<number, Quote>();
  const quotes: Quote[] = [];
  visit(body, (node) => {
    if (!('type' in node) || !READ_NODES.has(node.type)) return;
    const span = opaqueSchema.safeParse(node);
    if (span.success) opaque.push(span.data);
    const title = titleOf(node);
    if (title !== null) titles.set(title.start, title);
    const quote = quoteOf(node);
    if (quote !== null) quotes.push(quote);
  });
  const messages = isTest ? [] : quotes.filter(({ start, text }) => !titles.has(start) && isMessage(text));
  const prose = (kind: ProseKind) => (quote: Quote) => ({
    kind,
    line: lineAt(text, quote.start),
    text: withoutCode(quote.text),
  });
  return [
    ...comments(text, SLASH_COMMENTS, opaque),
    ...[...titles.values()].map(prose('title')),
    ...messages.map(prose('message')),
  ];
}

/** Calls `see` with every object below the node, parents first. */
function visit(node: unknown, see: (node: object) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) see(node);
  for (const child of Object.values(node)) visit(child, see);
}

function titleOf(node: object): Quote | null {
  const call = callSchema.safeParse(node);
  if (!call.success || !TITLED_CALLS.has(call.data.callee.name)) return null;
  const [first] = call.data.arguments;
  return typeof first === 'object' && first !== null ? quoteOf(first) : null;
}

/** Returns a string or a template, whose values are replaced by `{}`. */
function quoteOf(node: object): Quote | null {
  const string = stringSchema.safeParse(node);
  if (string.success) return { ...string.data, text: string.data.value };
  const template = templateSchema.safeParse(node);
  if (!template.success) return null;
  return { ...template.data, text: template.data.quasis.map(({ value }) => value.raw).join('{}') };
}

function isMessage(text: string): boolean {
  return /^[A-Z`"]/.test(text) && text.trim().split(/\s+/).length >= MESSAGE_WORDS_MIN;
}

/** Finds comments outside the opaque spans; consecutive lines with `//` or `#` are one comment. */
function comments(text: string, pattern: RegExp, opaque: readonly Span[]): Prose[] {
  const masked = blankSpans(text, opaque);
  const spans: Span[] = [];
  for (const { start, end } of [...masked.matchAll(pattern)].map(spanOf)) {
    const last = spans.at(-1);
    const between = last === undefined ? '' : text.slice(last.end, start);
    if (last !== undefined && /^\n[ \t]*$/.test(between) && !text.startsWith('/*', last.start)) {
      spans[spans.length - 1] = { start: last.start, end };
    } else spans.push({ start, end });
  }
  return spans.map(({ start, end }) => {
    const raw = text.slice(start, end);
    const isHead = /^(#!.*\s)?\s*$/.test(text.slice(0, start));
    const kind = isHead ? 'head' : raw.startsWith('/**') ? 'doc' : 'comment';
    return { kind, line: lineAt(text, start), text: withoutCode(withoutMarks(raw)) };
  });
}

function withoutMarks(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*(\/\*+|\*(?!\/)|\/\/+|#+|<!--)?\s?/, '').replace(/\s*(\*\/|-->)$/, ''))
    .join('\n');
}

/** Blanks code blocks, inline code, links and HTML tags. */
function withoutCode(text: string): string {
  return text
    .replace(/^```[\s\S]*?^```/gm, blank)
    .replace(/`[^`]*`|\{@link [^}]*\}/g, (code) => code.replace(/[^\s`]/g, '·'))
    .replace(/(?<=\]\()[^)]*(?=\))|https?:\/\/\S+|<[a-z/!][^>\n]*>/g, blank);
}

function jsonStrings(text: string): Prose[] {
  return text.split('\n').flatMap((line, index): Prose[] => {
    const value = /^\s*"[^"]+": (".*"),?$/.exec(line)?.[1];
    return value === undefined
      ? []
      : [{ kind: 'string', line: index + 1, text: z.string().parse(JSON.parse(value)) }];
  });
}

function blankSpans(text: string, spans: readonly Span[]): string {
  let result = '';
  let from = 0;
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    if (start < from) continue;
    result += text.slice(from, start) + blank(text.slice(start, end));
    from = end;
  }
  return result + text.slice(from);
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}

function spanOf(match: RegExpExecArray): Span {
  return { start: match.index, end: match.index + match[0].length };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}
