/** Finds out why the engine doesn't use a library for GPUs, by loading that library once more. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import {
  type GraphicsBackend,
  type GraphicsProblem,
  loadProblem,
} from '../../../shared/graphics-problems.ts';
import type { FetchedPackage } from './graphics-parameters.ts';

/** The libraries for a system, the fastest first. Metal is part of macOS and of the engine's one build for it. */
const BACKENDS: Readonly<Record<string, readonly GraphicsBackend[]>> = {
  'linux-x64': ['cuda', 'vulkan'],
  'win32-x64': ['cuda', 'vulkan'],
};
/** Node's words for a library that loads but isn't one of Node's own modules, as none of these is. */
const LOADED = /did not self-register/;

export interface GraphicsSearch {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Path of a file of an installed package; null without the package. */
  readonly find: (packageName: string, file: string) => string | null;
  /** Loads a native library; fails with the loader's text. */
  readonly open: (path: string) => void;
}

/** Returns what keeps the engine from each library that is faster than `used`; empty if it uses the fastest. */
export function graphicsProblems(used: string, search: GraphicsSearch = SYSTEM): GraphicsProblem[] {
  const { platform, arch } = search;
  const backends = BACKENDS[`${platform}-${arch}`] ?? [];
  const names: readonly string[] = backends;
  const at = names.indexOf(used);
  return backends.slice(0, at === -1 ? undefined : at).map((backend) => problemOf(backend, search));
}

function problemOf(
  backend: GraphicsBackend,
  { platform, arch, find, open }: GraphicsSearch,
): GraphicsProblem {
  const build = `${platform === 'win32' ? 'win' : platform}-${arch}-${backend}`;
  const name = platform === 'win32' ? `ggml-${backend}.dll` : `libggml-${backend}.so`;
  const path = find(`@node-llama-cpp/${build}`, `bins/${build}/${name}`);
  if (path === null) return { backend, why: 'absent', detail: null };
  try {
    open(path);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!LOADED.test(message)) return loadProblem(backend, message);
  }
  return { backend, why: 'no-device', detail: null };
}

/** `fetched`: a package that isn't in node_modules, which comes first. */
export function systemSearch(fetched: FetchedPackage | null): GraphicsSearch {
  return {
    ...SYSTEM,
    find: (packageName, file) =>
      fetched?.name === packageName ? join(fetched.folder, file) : SYSTEM.find(packageName, file),
  };
}

const SYSTEM: GraphicsSearch = {
  platform: process.platform,
  arch: process.arch,
  find(packageName, file) {
    const folders = createRequire(import.meta.url).resolve.paths(packageName) ?? [];
    return folders.map((folder) => join(folder, packageName, file)).find((path) => existsSync(path)) ?? null;
  },
  open: (path) => process.dlopen({ exports: {} }, path),
};
