/** Who may import whom, as one table with the reason for each row, and the judgement over a whole tree. */
import { posix } from 'node:path';
import type { ImportedModule } from './imports.ts';

interface Layer {
  /** Matches the paths of the layer's files; its first group, if any, is the room's name. */
  readonly files: RegExp;
  /** Paths it may import besides its own room. */
  readonly paths: readonly RegExp[];
  /** Packages; `x` also stands for `x/sub/path`, `@scope/*` for the whole scope, `node:*` for Node itself. */
  readonly packages: readonly string[] | 'any';
  readonly why: string;
}

const SHARED = /^shared\//;
const PORTS = /^main\/ports\//;
const CORE_DOORS = /^main\/core\/[^/]+\/index\.ts$/;
const NATIVE = /^native\//;
const CONTRACTS = /^contracts\/artifacts\//;

/** The vendor libraries of each adapter folder. */
const VENDORS: Readonly<Record<string, readonly string[]>> = {
  anvil: ['@foundry-rs/anvil'],
  ethers: ['ethers'],
  gpu: ['gpu.js'],
  http: ['@hono/node-server', 'hono', 'undici'],
  libp2p: ['libp2p', '@libp2p/*', '@multiformats/*', 'jose', 'undici'],
  llama: ['node-llama-cpp'],
  fflate: ['fflate'],
  openai: ['undici'],
  pino: ['pino'],
  secp256k1: ['tiny-secp256k1', 'ethers'],
  sqlite: ['better-sqlite3'],
  systeminformation: ['systeminformation'],
  dbus: ['@jellybrick/dbus-next'],
  x402: ['@x402/*', 'ethers'],
};

/** The first row whose `files` match decides. */
const LAYERS: readonly Layer[] = [
  {
    files: /^shared\//,
    paths: [SHARED],
    packages: ['zod', '@orpc/contract'],
    why: 'shared/ is the language between processes: schemas only, no Node, no DOM, no Electron',
  },
  {
    files: /^main\/ports\//,
    paths: [SHARED, PORTS],
    packages: ['node:*', 'zod'],
    why: 'a port is an interface: it knows no implementation',
  },
  {
    files: /^main\/core\/([^/]+)\//,
    paths: [SHARED, PORTS, CORE_DOORS],
    packages: ['node:*', 'zod', 'hono', 'jose'],
    why: 'core knows the ports, never a vendor, and another noun only through its index.ts',
  },
  {
    files: /^main\/adapters\/([^/]+)\//,
    paths: [SHARED, PORTS, NATIVE, CONTRACTS],
    packages: ['node:*', 'zod'],
    why: 'an adapter fits its one vendor library to a port; it knows neither core nor other adapters',
  },
  {
    files: /^native\//,
    paths: [SHARED],
    packages: ['node:*'],
    why: 'native/ is a door to the system; it knows nothing of the app',
  },
  {
    files: /^main\/desktop(\.ts|\/)/,
    // The log is the same in every process.
    paths: [
      SHARED,
      /^main\/desktop(\.ts|\/)/,
      /^main\/ports\/(clock|log)\.ts$/,
      /^main\/adapters\/(node|pino)\/index\.ts$/,
    ],
    packages: ['electron', 'node:*', 'zod', '@orpc/*', 'ws'],
    why: 'the shell speaks to the agent through the API; it never reaches into core',
  },
  {
    files: /^main\/api\//,
    paths: [SHARED, PORTS, CORE_DOORS],
    packages: ['node:*', 'zod', 'hono', '@hono/node-server', '@orpc/*', 'ws'],
    why: 'the API serves what core decides; vendors stay behind the ports',
  },
  {
    files: /^main\/agent[^/]*(\.ts|\/)/,
    paths: [SHARED, PORTS, CORE_DOORS, /^main\/(adapters|api)\//, /^main\/agent/],
    packages: ['node:*', 'zod', 'ws', '@orpc/*'],
    why: 'the composition runs under plain Node: no Electron, and core only through its doors',
  },
  { files: /^main\//, paths: [SHARED], packages: ['node:*'], why: 'this file has no room; give it one' },
  {
    files: /^preload\//,
    paths: [SHARED],
    packages: ['electron', 'zod'],
    why: 'the preload script only passes messages',
  },
  {
    files: /^renderer\//,
    paths: [SHARED],
    packages: [
      'react',
      'react-dom',
      'react-aria-components',
      'react-i18next',
      'i18next',
      'uplot',
      'qrcode',
      'gpu.js',
      'zod',
      'vite',
      '@orpc/client',
      '@orpc/contract',
      '@fontsource-variable/*',
    ],
    why: 'pages know the API and nothing of Node, Electron or the agent',
  },
  {
    files: /^(scripts|test)\//,
    paths: [/^(scripts|test|shared|main|preload|renderer|contracts|native)\//, /^[^/]+$/],
    packages: 'any',
    why: 'tools and tests',
  },
  { files: /^[^/]+$/, paths: [/^scripts\//], packages: 'any', why: 'configuration' },
];

export interface Breach {
  readonly file: string;
  readonly line: number | null;
  readonly imported: string;
  readonly why: string;
}

/** Judges a tree: the imports of each file, by its path from the root with forward slashes. */
export function findBreaches(tree: ReadonlyMap<string, readonly ImportedModule[]>): Breach[] {
  const breaches: Breach[] = [];
  for (const [file, imports] of tree) {
    const layer = LAYERS.find(({ files }) => files.test(file));
    if (layer === undefined) {
      breaches.push({ file, line: null, imported: '', why: 'no layer has files here' });
      continue;
    }
    for (const { specifier, line } of imports) {
      const why = objection(layer, file, specifier);
      if (why !== null) breaches.push({ file, line, imported: specifier, why });
    }
  }
  return [...breaches, ...coreCircles(tree)];
}

/** Why this import is not allowed, or null when it is. */
function objection(layer: Layer, file: string, specifier: string): string | null {
  if (!specifier.startsWith('.')) {
    return layer.packages === 'any' || packagesOf(layer, file).some((name) => covers(name, specifier))
      ? null
      : layer.why;
  }
  const target = resolvePath(file, specifier);
  if (target.startsWith('../')) return 'imports stay inside the repository';
  const room = layer.files.exec(file)?.[0];
  const inOwnRoom = room !== undefined && target.startsWith(room) && room.endsWith('/');
  if (inOwnRoom || layer.paths.some((path) => path.test(target))) return null;
  return layer.why;
}

function packagesOf(layer: Layer, file: string): readonly string[] {
  const vendor = /^main\/adapters\/([^/]+)\//.exec(file)?.[1];
  const own = vendor === undefined ? [] : (VENDORS[vendor] ?? []);
  return layer.packages === 'any' ? own : [...layer.packages, ...own];
}

function covers(name: string, specifier: string): boolean {
  if (name.endsWith('*')) return specifier.startsWith(name.slice(0, -1));
  return specifier === name || specifier.startsWith(`${name}/`);
}

function resolvePath(file: string, specifier: string): string {
  // Vite's suffixes (`?url`, `?worker`) are not part of the path.
  return posix.join(posix.dirname(file), specifier.replace(/\?.*$/, ''));
}

/** Nouns of core that need each other in a circle, each circle once. */
function coreCircles(tree: ReadonlyMap<string, readonly ImportedModule[]>): Breach[] {
  const noun = (path: string) => /^main\/core\/([^/]+)\//.exec(path)?.[1] ?? null;
  const needs = new Map<string, Map<string, { file: string; line: number }>>();
  for (const [file, imports] of tree) {
    const from = noun(file);
    if (from === null) continue;
    for (const { specifier, line } of imports) {
      const to = specifier.startsWith('.') ? noun(resolvePath(file, specifier)) : null;
      if (to === null || to === from) continue;
      const known = needs.get(from) ?? new Map();
      known.set(to, { file, line });
      needs.set(from, known);
    }
  }
  const breaches: Breach[] = [];
  const settled = new Set<string>();
  const walk = (current: string, trail: readonly string[]): void => {
    const start = trail.indexOf(current);
    if (start >= 0) {
      const circle = [...trail.slice(start), current];
      const at = needs.get(trail.at(-1) ?? '')?.get(current);
      breaches.push({
        file: at?.file ?? current,
        line: at?.line ?? null,
        imported: circle.join(' -> '),
        why: 'nouns of core never need each other in a circle',
      });
      return;
    }
    if (settled.has(current)) return;
    for (const next of needs.get(current)?.keys() ?? []) walk(next, [...trail, current]);
    settled.add(current);
  };
  for (const start of needs.keys()) walk(start, []);
  return breaches;
}
