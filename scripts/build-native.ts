/**
 * `npm run build:native`: compiles native/src with the machine's own compiler into native/build, without
 * node-gyp and without downloads: Node-API's headers are a package. Where there is no compiler it says so, and
 * the app goes on without.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { REPOSITORY } from './places.ts';

interface Artefact {
  /** File name below native/build. */
  readonly name: string;
  /** Below native/src. */
  readonly sources: readonly string[];
  readonly flags: readonly string[];
}

export type NativeBuild =
  | { readonly state: 'built' | 'fresh'; readonly reason: null }
  /** The app works without; `reason` says what it misses and why. */
  | { readonly state: 'missing'; readonly reason: string };

const SOURCE = join(REPOSITORY, 'native/src');
const BUILD = join(REPOSITORY, 'native/build');
const COMMON_FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
const ADDON_FLAGS = ['-shared', '-fPIC', '-fvisibility=hidden'];

const ARTEFACTS: { readonly [Platform in NodeJS.Platform]?: readonly Artefact[] } = {
  linux: [
    {
      name: 'idlewatt.node',
      sources: [
        'addon.c',
        'nvml.c',
        'linux/input-watch.c',
        'linux/x11.c',
        'linux/x-input-watch.c',
        'linux/file-input-watch.c',
        'linux/input.c',
      ],
      flags: [...ADDON_FLAGS, '-D_GNU_SOURCE', '-ldl', '-pthread'],
    },
    {
      name: 'idlewatt-sandbox',
      sources: ['linux/launcher.c', 'linux/files.c', 'linux/calls.c', 'linux/priority.c'],
      flags: ['-D_GNU_SOURCE'],
    },
  ],
  darwin: [
    {
      name: 'idlewatt.node',
      sources: ['addon.c', 'nvml.c', 'darwin/input.c', 'darwin/priority.c', 'darwin/confine.c'],
      flags: [
        ...ADDON_FLAGS,
        '-undefined',
        'dynamic_lookup',
        ...['IOKit', 'CoreFoundation'].flatMap((framework) => ['-framework', framework]),
      ],
    },
  ],
  win32: [
    {
      name: 'idlewatt.node',
      sources: ['addon.c', 'nvml.c', 'windows/input.c', 'windows/priority.c', 'windows/confine.c'],
      flags: ['-shared', '-luser32'],
    },
  ],
};

/** Compiles what is older than its sources. Never throws for want of a compiler. */
export function buildNative(options: { readonly force?: boolean } = {}): NativeBuild {
  const artefacts = ARTEFACTS[process.platform];
  if (!artefacts) return missing(`nothing is written for ${process.platform}`);
  if (!options.force && artefacts.every(isFresh)) return { state: 'fresh', reason: null };
  const compiler = findCompiler();
  if (compiler === null) return missing('this machine has no C compiler');
  mkdirSync(BUILD, { recursive: true });
  for (const artefact of artefacts) {
    const failure = compile(compiler, artefact);
    if (failure !== null) return missing(`it does not compile here\n${failure}`);
  }
  return { state: 'built', reason: null };
}

/** Compiles where that is due, and says once what is missing where it cannot be done. */
export function sayNativeBuild(say: (line: string) => void): void {
  const { reason } = buildNative();
  if (reason !== null) say(reason);
}

function missing(why: string): NativeBuild {
  return {
    state: 'missing',
    reason: `The native part is missing (${why}): the engine runs without its sandbox, and idle time, full screen and cards are known only as far as JavaScript can ask.`,
  };
}

function compile(compiler: string, { name, sources, flags }: Artefact): string | null {
  const target = join(BUILD, name);
  const part = `${target}.${process.pid}`;
  const windows = process.platform === 'win32' ? windowsImports(compiler) : [];
  const result = spawnSync(
    compiler,
    [
      ...COMMON_FLAGS,
      `-I${headers()}`,
      '-o',
      part,
      ...sources.map((source) => join(SOURCE, source)),
      ...windows,
      ...flags,
    ],
    { encoding: 'utf8' },
  );
  if (result.status !== 0) {
    rmSync(part, { force: true });
    return result.stderr || (result.error?.message ?? `${compiler} ended with ${result.status}`);
  }
  // At once: a running agent may have the old one mapped.
  renameSync(part, target);
  return null;
}

function headers(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
}

/** Windows resolves Node's symbols through import libraries, which MinGW's dlltool makes of the lists. */
function windowsImports(compiler: string): string[] {
  return ['js_native_api', 'node_api'].map((name) => {
    const library = join(BUILD, `lib${name}.a`);
    const list = join(headers(), `../def/${name}.def`);
    spawnSync(join(dirname(compiler), 'dlltool'), ['-d', list, '-D', 'node.exe', '-l', library]);
    return library;
  });
}

function findCompiler(): string | null {
  const names = [process.env.CC, 'cc', 'gcc', 'clang'].filter((name) => name !== undefined && name !== '');
  const suffix = process.platform === 'win32' ? '.exe' : '';
  for (const name of names) {
    for (const folder of ['', ...(process.env.PATH ?? '').split(delimiter)]) {
      const path = folder === '' ? `${name}` : join(folder, `${name}${suffix}`);
      if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
    }
  }
  return null;
}

function isFresh({ name }: Artefact): boolean {
  const built = statSync(join(BUILD, name), { throwIfNoEntry: false });
  if (!built || !existsSync(SOURCE)) return built !== undefined;
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  return [...files.map((file) => join(SOURCE, file)), import.meta.filename].every(
    (path) => statSync(path).mtimeMs <= built.mtimeMs,
  );
}

if (import.meta.main) {
  const { state, reason } = buildNative({ force: process.argv.includes('--force') });
  console.log(reason ?? (state === 'built' ? 'Built native/build.' : 'Nothing to build.'));
  if (state === 'missing') process.exitCode = 1;
}
