/**
 * Compiles native/src with the machine's own compiler into native/build, without node-gyp and without downloads:
 * Node-API's headers are a package. Without a compiler it returns the reason, and the app works without the
 * native part.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { REPOSITORY } from './places.ts';

interface Artifact {
  /** File name below native/build. */
  readonly name: string;
  /** Below native/src. */
  readonly sources: readonly string[];
  readonly flags: readonly string[];
}

export type NativeBuild =
  | { readonly state: 'built' | 'fresh'; readonly reason: null }
  /** The app works without it; `reason` explains what is missing and why. */
  | { readonly state: 'missing'; readonly reason: string };

const SOURCE = join(REPOSITORY, 'native/src');
const BUILD = join(REPOSITORY, 'native/build');
const COMMON_FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
const ADDON_FLAGS = ['-shared', '-fPIC', '-fvisibility=hidden'];

const ARTIFACTS: { readonly [Platform in NodeJS.Platform]?: readonly Artifact[] } = {
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
        'linux/dumps.c',
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
      sources: [
        'addon.c',
        'nvml.c',
        'darwin/input.c',
        'darwin/priority.c',
        'darwin/confine.c',
        'darwin/dumps.c',
      ],
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
      sources: [
        'addon.c',
        'nvml.c',
        'windows/input.c',
        'windows/priority.c',
        'windows/confine.c',
        'windows/dumps.c',
      ],
      flags: ['-shared', '-luser32'],
    },
  ],
};

/** Compiles artifacts that are older than their sources. A missing compiler is returned, not thrown. */
export function buildNative(options: { readonly force?: boolean } = {}): NativeBuild {
  const artifacts = ARTIFACTS[process.platform];
  if (!artifacts) return missing(`there is no source for ${process.platform}`);
  if (!options.force && artifacts.every(isFresh)) return { state: 'fresh', reason: null };
  const compiler = findCompiler();
  if (compiler === null) return missing('this machine has no C compiler');
  mkdirSync(BUILD, { recursive: true });
  for (const artifact of artifacts) {
    const failure = compile(compiler, artifact);
    if (failure !== null) return missing(`compilation failed\n${failure}`);
  }
  return { state: 'built', reason: null };
}

/** Compiles what is out of date; prints one line if that is impossible. */
export function buildNativeAndReport(print: (line: string) => void): void {
  const { reason } = buildNative();
  if (reason !== null) print(reason);
}

function missing(cause: string): NativeBuild {
  return {
    state: 'missing',
    reason: `The native part is missing (${cause}). The engine runs without its sandbox, and idle time, full-screen apps and GPUs are detected only as far as JavaScript can query them.`,
  };
}

function compile(compiler: string, { name, sources, flags }: Artifact): string | null {
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
    return result.stderr || (result.error?.message ?? `${compiler} exited with code ${result.status}`);
  }
  // Replace it atomically: a running agent may have the old file mapped.
  renameSync(part, target);
  return null;
}

function headers(): string {
  return join(dirname(createRequire(import.meta.url).resolve('node-api-headers')), 'include');
}

/** Creates import libraries from the symbol lists with MinGW's dlltool; Windows resolves Node's symbols with them. */
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

function isFresh({ name }: Artifact): boolean {
  const built = statSync(join(BUILD, name), { throwIfNoEntry: false });
  if (!built || !existsSync(SOURCE)) return built !== undefined;
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' });
  return [...files.map((file) => join(SOURCE, file)), import.meta.filename].every(
    (path) => statSync(path).mtimeMs <= built.mtimeMs,
  );
}
