/**
 * Bundles the agent and the processes that it starts into dist/agent: 2,000 small files of its own and of its libraries
 * cost more time and memory at each start than what they do.
 */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix, relative, sep } from 'node:path';
import type { Plugin } from 'vite';
import { recordPackages } from './bundled-packages.ts';
import { REPOSITORY } from './places.ts';
import { viteBuild } from './vite-build.ts';

const AGENT = join(REPOSITORY, 'dist/agent');
/** They load native code or other files from their own folder, so they stay in node_modules. */
export const IN_NODE_MODULES = [
  '@foundry-rs/anvil',
  'better-sqlite3',
  'gpu.js',
  'node-llama-cpp',
  'pdfkit',
  'tiny-secp256k1',
];
/** Files whose effect has to come before all other code. */
const FIRST = /\/main\/agent\/(?:no-debugger|memory|private-files|priority)\.ts$/;
/** Replaced by the way from an output file to the agent's folder. */
const TO_AGENT = '%TO_AGENT%';

/**
 * V8 stores a file that is plain ASCII in half the memory, and keeps comments in it. Names and lines stay readable in
 * stack traces.
 */
export const READABLE_ASCII = {
  comments: { legal: true, annotation: false, jsdoc: false },
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
} as const;

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

/** Each entry keeps its path, and all code is below `main`, which is what the engine's sandbox may read. */
export async function bundleAgent(): Promise<void> {
  rmSync(AGENT, { recursive: true, force: true });
  await viteBuild({
    configFile: false,
    root: REPOSITORY,
    logLevel: 'warn',
    publicDir: false,
    json: { stringify: true },
    plugins: [keepPlaces, recordPackages('agent')],
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: true,
      outDir: AGENT,
      target: 'node22',
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(agentEntries().map((path) => [placeOf(path).replace(/\.js$/, ''), path])),
        external: [/^node:/, ...builtinModules, ...IN_NODE_MODULES],
        output: {
          format: 'es',
          entryFileNames: '[name].js',
          chunkFileNames: 'main/chunks/[name]-[hash].js',
          ...READABLE_ASCII,
          codeSplitting: { groups: [{ name: 'first', test: FIRST }] },
        },
      },
    },
  });
  copyFiles();
}

/** Copies the files that the agent reads next to its code, at the same relative paths. */
function copyFiles(): void {
  for (const path of ['package.json', 'resources/models', 'native/build']) {
    if (existsSync(join(REPOSITORY, path))) {
      cpSync(join(REPOSITORY, path), join(AGENT, path), { recursive: true });
    }
  }
}

/**
 * Processes are started and resources found relative to the source file that names them: its `import.meta.url` stays
 * that of the file's own place below the agent's folder, whichever output file contains it.
 */
const keepPlaces: Plugin = {
  name: 'keep-places',
  enforce: 'pre',
  transform(code, id) {
    if (!id.startsWith(REPOSITORY) || id.includes('node_modules') || !id.endsWith('.ts')) return null;
    const placed = code
      .replaceAll(/(new URL\(\s*'\.[^']+)\.ts'(\s*,\s*import\.meta\.url)/g, "$1.js'$2")
      .replaceAll('import.meta.url', `new URL('${TO_AGENT}${placeOf(id)}', import.meta.url).href`);
    if (/import\.meta\.(?!url\b)/.test(placed)) {
      throw new Error(
        `${relative(REPOSITORY, id)}: use import.meta.url, which keeps its meaning in the bundle.`,
      );
    }
    return placed;
  },
  renderChunk(code, { fileName }) {
    return code.replaceAll(TO_AGENT, `./${posix.relative(posix.dirname(fileName), '')}/`);
  },
};

/** Path of a source file's JavaScript below the agent's folder. */
function placeOf(path: string): string {
  return relative(REPOSITORY, path).replaceAll(sep, '/').replace(/\.ts$/, '.js');
}
