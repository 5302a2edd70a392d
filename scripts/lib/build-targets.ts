/**
 * Builds the pages, the shell, the preload scripts and the agent's JavaScript into dist/, each only if one of its
 * inputs changed.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { build, type Plugin } from 'vite';
import { buildNative } from './native-build.ts';
import { REPOSITORY } from './places.ts';

interface Target {
  readonly name: string;
  /** Files and folders that it is built from. */
  readonly inputs: readonly string[];
  readonly build: () => Promise<unknown>;
}

const DIST = join(REPOSITORY, 'dist');
/** Modules that Node and Electron provide. */
const PLATFORM = ['electron', /^node:/, ...builtinModules];

const TARGETS: readonly Target[] = [
  {
    name: 'renderer',
    inputs: ['renderer', 'shared', 'vite.config.ts', 'package-lock.json'],
    build: () =>
      build({
        root: join(REPOSITORY, 'renderer'),
        configFile: join(REPOSITORY, 'vite.config.ts'),
        logLevel: 'warn',
        // The pages are read from disk, not over a network.
        build: { chunkSizeWarningLimit: 2_000 },
      }),
  },
  {
    name: 'desktop',
    inputs: [
      ...['main/desktop', 'main/desktop.ts', 'main/adapters/pino', 'main/adapters/node', 'main/ports'],
      ...['shared', 'package.json', 'package-lock.json'],
    ],
    build: () => bundle('desktop', { main: 'main/desktop.ts' }, { format: 'es', names: '[name].js' }),
  },
  {
    name: 'preload',
    inputs: ['preload', 'shared/wire.ts', 'package-lock.json'],
    // One call each: sandboxed preload scripts are CommonJS and can't load other files.
    build: async () => {
      await bundle('preload', { page: 'preload/page.ts' }, { format: 'cjs', names: '[name].cjs' });
      await bundle('preload', { probe: 'preload/probe.ts' }, { format: 'cjs', names: '[name].cjs' });
      await bundle('preload', { secret: 'preload/secret.ts' }, { format: 'cjs', names: '[name].cjs' });
    },
  },
  {
    name: 'agent',
    inputs: [
      'main',
      'native/index.ts',
      'native/src',
      'shared',
      'resources/models',
      'package.json',
      'package-lock.json',
    ],
    build: buildAgent,
  },
];

/** Builds the targets that are out of date and returns their names. */
export async function buildAll(
  options: { force?: boolean; only?: readonly string[] } = {},
): Promise<string[]> {
  const built: string[] = [];
  for (const target of TARGETS) {
    if (options.only && !options.only.includes(target.name)) continue;
    const stamp = join(DIST, '.stamps', target.name);
    const startedAt = new Date();
    if (!options.force && isFresh(stamp, target.inputs)) continue;
    await target.build();
    // The time before the build, so that a file edited during the build counts as newer.
    mkdirSync(join(DIST, '.stamps'), { recursive: true });
    writeFileSync(stamp, '');
    utimesSync(stamp, startedAt, startedAt);
    built.push(target.name);
  }
  return built;
}

async function bundle(
  folder: string,
  input: Record<string, string>,
  output: { format: 'es' | 'cjs'; names: string },
): Promise<void> {
  await build({
    configFile: false,
    root: REPOSITORY,
    logLevel: 'warn',
    publicDir: false,
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: true,
      outDir: join(DIST, folder),
      emptyOutDir: false,
      target: 'node20',
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(
          Object.entries(input).map(([name, path]) => [name, join(REPOSITORY, path)]),
        ),
        external: PLATFORM,
        output: { format: output.format, entryFileNames: output.names, chunkFileNames: '[name]-[hash].js' },
      },
    },
  });
}

/**
 * Builds the agent one output file per source file, so that paths computed from a file's own location stay valid:
 * processes are started and resources are found relative to `import.meta`. Packages stay in node_modules.
 */
async function buildAgent(): Promise<void> {
  // The agent works without the native part, so a missing compiler doesn't stop the build.
  buildNative();
  rmSync(join(DIST, 'agent'), { recursive: true, force: true });
  await build({
    configFile: false,
    root: REPOSITORY,
    logLevel: 'warn',
    publicDir: false,
    plugins: [rewriteSiblingUrls],
    build: {
      ssr: true,
      outDir: join(DIST, 'agent'),
      target: 'node22',
      minify: false,
      rollupOptions: {
        input: agentEntries(),
        external: (id) => !id.startsWith('.') && !id.startsWith(REPOSITORY) && !id.startsWith('\0'),
        output: {
          format: 'es',
          preserveModules: true,
          preserveModulesRoot: REPOSITORY,
          entryFileNames: '[name].js',
        },
      },
    },
  });
  copyAgentFiles();
}

/** Copies the files that the agent reads next to its code, at the same relative paths. */
function copyAgentFiles(): void {
  for (const path of ['package.json', 'resources/models']) {
    cpSync(join(REPOSITORY, path), join(DIST, 'agent', path), { recursive: true });
  }
  const native = 'native/build';
  if (existsSync(join(REPOSITORY, native))) {
    cpSync(join(REPOSITORY, native), join(DIST, 'agent', native), { recursive: true });
  }
}

/** Returns the agent's entry file and every file that it starts as a separate process. */
export function agentEntries(): string[] {
  return [
    'main/agent-main.ts',
    'main/adapters/gpu/probe-process.ts',
    'main/adapters/llama/engine-process.ts',
    'main/adapters/llama/vocabulary-process.ts',
    'main/adapters/sqlite/examine-process.ts',
    'main/adapters/sqlite/verify-process.ts',
    'main/agent/history/reader-process.ts',
  ].map((path) => join(REPOSITORY, path));
}

/** Rewrites `new URL('./engine-process.ts', import.meta.url)`: the file it names is JavaScript after the build. */
const rewriteSiblingUrls: Plugin = {
  name: 'rewrite-sibling-urls',
  enforce: 'pre',
  transform(code, id) {
    if (!id.startsWith(REPOSITORY) || !id.endsWith('.ts')) return null;
    return code.replaceAll(/(new URL\(\s*'\.[^']+)\.ts'(\s*,\s*import\.meta\.url)/g, "$1.js'$2");
  },
};

function isFresh(stamp: string, inputs: readonly string[]): boolean {
  const stamped = statSync(stamp, { throwIfNoEntry: false });
  if (!stamped) return false;
  return inputs.every((input) => newestMs(join(REPOSITORY, input)) <= stamped.mtimeMs);
}

/** Folders count too: their modification time changes when a file in them is removed. */
function newestMs(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}
