/** Finds every import of a TypeScript file with a real parser: static, dynamic, re-exported and type imports. */
import { parseAst } from 'vite';
import { z } from 'zod';

export interface ImportedModule {
  readonly specifier: string;
  /** 1-based. */
  readonly line: number;
}

/** Nodes whose `source` names another module. */
const IMPORTING_NODES = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);

const importingNodeSchema = z.object({
  type: z.string().refine((type) => IMPORTING_NODES.has(type)),
  source: z.object({ value: z.string(), start: z.number() }),
});

/** Throws a SyntaxError for text that is not TypeScript. */
export function importsOf(text: string, isTsx: boolean): ImportedModule[] {
  const found: ImportedModule[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const child of node) visit(child);
    } else if (typeof node === 'object' && node !== null) {
      const importing = importingNodeSchema.safeParse(node);
      if (importing.success) {
        const { value, start } = importing.data.source;
        found.push({ specifier: value, line: text.slice(0, start).split('\n').length });
      }
      for (const child of Object.values(node)) visit(child);
    }
  };
  visit(parseAst(text, { lang: isTsx ? 'tsx' : 'ts' }).body);
  return found;
}
