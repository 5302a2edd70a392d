/**
 * `npm run build`: pages, shell, preload scripts and the agent's JavaScript into dist/, each only when
 * something that it is made of changed. `--force` builds everything.
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
import { buildNative } from './build-native.ts';
import { REPOSITORY } from './places.ts';

interface Target {
  readonly name: string;
  /** Files and folders that it is made of. */
  readonly inputs: readonly string[];
  readonly build: () => Promise<unknown>;
}

const DIST = join(REPOSITORY, 'dist');
/** What Node and Electron bring themselves. */
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
        // Read from the disk, not over a network.
        build: { chunkSizeWarningLimit: 2_000 },
      }),
  },
  {
    name: 'desktop',
    inputs: ['main/desktop', 'main/desktop.ts', 'main/adapters', 'main/ports', 'shared', 'package-lock.json'],
    build: () => bundle('desktop', { main: 'main/desktop.ts' }, { format: 'es', names: '[name].js' }),
  },
  {
    name: 'preload',
    inputs: ['preload', 'package-lock.json'],
    // One call each: sandboxed preload scripts are CommonJS and can load nothing beside themselves.
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

/** Builds what is out of date; the names of what was built. */
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
    // The time before the build: what was edited meanwhile counts as newer.
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
 * Module for module, so that every path that a file computes from its own place still holds: processes are
 * started and resources found relative to `import.meta`. Packages stay where they are, in node_modules.
 */
async function buildAgent(): Promise<void> {
  // Without a compiler the agent is built all the same: it works without.
  buildNative();
  rmSync(join(DIST, 'agent'), { recursive: true, force: true });
  await build({
    configFile: false,
    root: REPOSITORY,
    logLevel: 'warn',
    publicDir: false,
    plugins: [siblingsAreJavaScript],
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
  copyBesideAgent();
}

/** What the agent reads beside its code, at the same places relative to it. */
function copyBesideAgent(): void {
  for (const path of ['package.json', 'resources/models']) {
    cpSync(join(REPOSITORY, path), join(DIST, 'agent', path), { recursive: true });
  }
  const native = 'native/build';
  if (existsSync(join(REPOSITORY, native))) {
    cpSync(join(REPOSITORY, native), join(DIST, 'agent', native), { recursive: true });
  }
}

/** The agent itself and every file that it starts as a process of its own. */
function agentEntries(): string[] {
  return [
    'main/agent-main.ts',
    'main/adapters/gpu/probe-process.ts',
    'main/adapters/llama/engine-process.ts',
    'main/adapters/sqlite/examine-process.ts',
  ].map((path) => join(REPOSITORY, path));
}

/** `new URL('./engine-process.ts', import.meta.url)` names a file that is JavaScript after the build. */
const siblingsAreJavaScript: Plugin = {
  name: 'siblings-are-javascript',
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

/** Folders count, too: their time changes when a file in them goes away. */
function newestMs(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return 0;
  if (!found.isDirectory()) return found.mtimeMs;
  return Math.max(found.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

if (import.meta.main) {
  const startedMs = performance.now();
  const built = await buildAll({ force: process.argv.includes('--force') });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(built.length === 0 ? 'Nothing to build.' : `Built ${built.join(', ')} in ${seconds} s.`);
}
