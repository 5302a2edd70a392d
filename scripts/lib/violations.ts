/** Checks a whole tree of sources against the import rules and returns every violation with its reason. */
import { posix } from 'node:path';
import { findCycles } from './cycles.ts';
import { covers, type Layer, layerOf, packagesOf } from './layers.ts';
import type { Source } from './source.ts';

export interface Violation {
  readonly file: string;
  /** 1-based; null if the file as a whole is meant. */
  readonly line: number | null;
  /** The import, the path of a cycle, or the name that is meant. */
  readonly subject: string;
  readonly why: string;
}

/** Sources by their path from the root, with forward slashes. */
export type Tree = ReadonlyMap<string, Source>;

interface Place {
  readonly file: string;
  readonly line: number;
}

const PUBLIC_INTERFACE = /^main\/(core|adapters)\/[^/]+\/index\.ts$/;
const RAW_POSTS_ALLOWED = new Set(['main/core/ledger/bookings.ts']);

export function findViolations(tree: Tree): Violation[] {
  return [
    ...[...tree].flatMap(([file, source]) => [
      ...forbiddenImports(file, source),
      ...codeInInterface(file, source),
      ...rawPosts(file, source),
    ]),
    ...moduleCycles(tree),
    ...fileCycles(tree),
  ];
}

function forbiddenImports(file: string, { imports }: Source): Violation[] {
  const layer = layerOf(file);
  if (layer === undefined) return [{ file, line: null, subject: '', why: 'no layer has files here' }];
  return imports.flatMap(({ specifier, line }) => {
    const why = objection(layer, file, specifier);
    return why === null ? [] : [{ file, line, subject: specifier, why }];
  });
}

/** Returns the reason why this import is not allowed; null if it is. */
function objection(layer: Layer, file: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) {
    return layer.packages === 'any' || packagesOf(layer, file).some((entry) => covers(entry, specifier))
      ? null
      : layer.why;
  }
  const target = resolvePath(file, specifier);
  if (target.startsWith('../')) return 'imports stay inside the repository';
  const module = layer.files.exec(file)?.[0];
  const inOwnModule = module?.endsWith('/') === true && target.startsWith(module);
  return inOwnModule || layer.paths.some((path) => path.test(target)) ? null : layer.why;
}

function codeInInterface(file: string, { ownCodeLine }: Source): Violation[] {
  if (!PUBLIC_INTERFACE.test(file) || ownCodeLine === null) return [];
  const why = 'the index.ts of a module is its public interface: it contains only `export … from`';
  return [{ file, line: ownCodeLine, subject: 'code', why }];
}

function rawPosts(file: string, { rawPostLines }: Source): Violation[] {
  if (!file.startsWith('main/') || RAW_POSTS_ALLOWED.has(file)) return [];
  const why = `the ledger’s raw post is called only from ${[...RAW_POSTS_ALLOWED].join(', ')}, which keeps every kind of entry in one place`;
  return rawPostLines.map((line) => ({ file, line, subject: 'ledger.post', why }));
}

/** Modules of core that import each other in a cycle, types included. */
function moduleCycles(tree: Tree): Violation[] {
  const graph = new Map<string, Map<string, Place>>();
  for (const [file, { imports }] of tree) {
    const from = coreModule(file);
    for (const { specifier, line } of imports) {
      const to = specifier.startsWith('.') ? coreModule(resolvePath(file, specifier)) : null;
      if (from !== null && to !== null && to !== from) addEdge(graph, from, to, { file, line });
    }
  }
  return findCycles(graph).map(({ path, closedBy }) => ({
    ...closedBy,
    subject: path.join(' -> '),
    why: 'modules of core never import each other in a cycle, not even for types',
  }));
}

function coreModule(path: string): string | null {
  return /^main\/core\/([^/]+)\//.exec(path)?.[1] ?? null;
}

/** Files that load each other in a cycle. Type imports load nothing and don't count. */
function fileCycles(tree: Tree): Violation[] {
  const graph = new Map<string, Map<string, Place>>();
  for (const [file, { imports }] of tree) {
    for (const { specifier, line, byValue } of imports) {
      const target = resolvePath(file, specifier);
      if (byValue && specifier.startsWith('.') && tree.has(target))
        addEdge(graph, file, target, { file, line });
    }
  }
  return findCycles(graph).map(({ path, closedBy }) => ({
    ...closedBy,
    subject: path.join(' -> '),
    why: 'files never load each other in a cycle: move the shared part into a file of its own, or use `import type`',
  }));
}

function addEdge(graph: Map<string, Map<string, Place>>, from: string, to: string, place: Place): void {
  const edges = graph.get(from) ?? new Map<string, Place>();
  graph.set(from, edges.has(to) ? edges : edges.set(to, place));
}

function resolvePath(file: string, specifier: string): string {
  // Vite's suffixes (`?url`, `?worker`) are not part of the path.
  return posix.join(posix.dirname(file), specifier.replace(/\?.*$/, ''));
}
