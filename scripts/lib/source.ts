/** Parses a TypeScript file and returns what the import rules need to know about it. */
import { parseAst } from 'vite';
import { z } from 'zod';

export interface ImportedModule {
  readonly specifier: string;
  /** 1-based. */
  readonly line: number;
  /** False for `import type`, `export type … from` and `import('…').T`, which load nothing at run time. */
  readonly byValue: boolean;
}

export interface Source {
  /** Static, dynamic, re-exported and type imports, in the order of the text. */
  readonly imports: readonly ImportedModule[];
  /** Line of the first statement that is not `export … from`; null if there is none. */
  readonly ownCodeLine: number | null;
  /** Lines that call `post` or `postAll` of a ledger, or take these functions out of it. */
  readonly rawPostLines: readonly number[];
}

/** Nodes whose `source` names another module. */
const IMPORTING_NODES = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);
const RAW_POSTS = new Set(['post', 'postAll']);

const nodeSchema = z.object({ type: z.string(), start: z.number() });
const importingNodeSchema = z.object({
  type: z.string().refine((type) => IMPORTING_NODES.has(type)),
  source: z.object({ value: z.string(), start: z.number() }),
  importKind: z.string().optional(),
  exportKind: z.string().optional(),
});
const nameSchema = z.object({ type: z.enum(['Identifier', 'PrivateIdentifier']), name: z.string() });
const memberSchema = z.object({
  type: z.literal('MemberExpression'),
  object: z.unknown(),
  property: nameSchema,
});
const takenOutSchema = z.object({
  type: z.literal('VariableDeclarator'),
  id: z.object({
    type: z.literal('ObjectPattern'),
    properties: z.array(z.object({ key: nameSchema.optional().catch(undefined) })),
  }),
  init: z.unknown(),
});

/** Throws a SyntaxError for text that is not TypeScript. */
export function readSource(text: string, isTsx: boolean): Source {
  const lineOf = (start: number) => text.slice(0, start).split('\n').length;
  const { body } = parseAst(text, { lang: isTsx ? 'tsx' : 'ts' });
  const imports: ImportedModule[] = [];
  const rawPostLines: number[] = [];
  visit(body, (node) => {
    const imported = importOf(node);
    if (imported !== null) {
      const { specifier, start, byValue } = imported;
      imports.push({ specifier, line: lineOf(start), byValue });
    }
    if (usesRawPost(node)) rawPostLines.push(lineOf(nodeSchema.parse(node).start));
  });
  const ownCode = body.find((statement) => !isReExport(statement));
  return { imports, ownCodeLine: ownCode === undefined ? null : lineOf(ownCode.start), rawPostLines };
}

/** Calls `see` with every object below the node, parents first. */
function visit(node: unknown, see: (node: object) => void): void {
  if (typeof node !== 'object' || node === null) return;
  if (!Array.isArray(node)) see(node);
  for (const child of Object.values(node)) visit(child, see);
}

function importOf(node: object): { specifier: string; start: number; byValue: boolean } | null {
  const importing = importingNodeSchema.safeParse(node);
  if (!importing.success) return null;
  const { type, source, importKind, exportKind } = importing.data;
  const byValue = type !== 'TSImportType' && importKind !== 'type' && exportKind !== 'type';
  return { specifier: source.value, start: source.start, byValue };
}

function isReExport(statement: object): boolean {
  const { type } = nodeSchema.parse(statement);
  return /^Export(Named|All)Declaration$/.test(type) && importOf(statement) !== null;
}

/** True for `ledger.post`, `this.#ledger.postAll`, `options.ledger.post` and `const { post } = ledger`. */
function usesRawPost(node: object): boolean {
  const member = memberSchema.safeParse(node);
  if (member.success) return RAW_POSTS.has(member.data.property.name) && isLedger(member.data.object);
  const taken = takenOutSchema.safeParse(node);
  if (!taken.success || !isLedger(taken.data.init)) return false;
  return taken.data.id.properties.some(({ key }) => key !== undefined && RAW_POSTS.has(key.name));
}

/** Ledgers are recognized by the last name of the expression, since the parser has no types. */
function isLedger(expression: unknown): boolean {
  const name = nameSchema.safeParse(expression);
  if (name.success) return /ledger$/i.test(name.data.name);
  const member = memberSchema.safeParse(expression);
  return member.success && isLedger(member.data.property);
}
