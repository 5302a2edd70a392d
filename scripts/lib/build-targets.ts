/**
 * Builds the pages, the shell, the preload scripts and the agent's JavaScript into dist/, each only if one of its
 * inputs changed.
 */
import { mkdirSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { bundleAgent, READABLE_ASCII } from './agent-bundle.ts';
import { recordPackages } from './bundled-packages.ts';
import { buildNative } from './native-build.ts';
import { REPOSITORY } from './places.ts';
import { viteBuild } from './vite-build.ts';

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
      viteBuild({
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
      ...['shared', 'scripts/lib/agent-bundle.ts', 'package.json', 'package-lock.json'],
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
      'scripts/lib/agent-bundle.ts',
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
  await viteBuild({
    configFile: false,
    root: REPOSITORY,
    logLevel: 'warn',
    publicDir: false,
    // Parsing JSON is faster than parsing the same object as code.
    json: { stringify: true },
    plugins: [recordPackages(`${folder}-${Object.keys(input).join('-')}`)],
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
        output: {
          ...READABLE_ASCII,
          format: output.format,
          entryFileNames: output.names,
          chunkFileNames: '[name].js',
        },
      },
    },
  });
}

async function buildAgent(): Promise<void> {
  // The agent works without the native part, so a missing compiler doesn't stop the build.
  buildNative();
  await bundleAgent();
}

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
