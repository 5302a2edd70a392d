/** The rules for what may be in an installed app, and how large a package may be. */
import { statSync } from 'node:fs';
import type { PackageFile, PackageSystem } from './package-contents.ts';

/** Limit of a package as users download it. */
export const PACKAGE_BYTES_MAX = 200_000_000;
/** Limit of the files before they are compressed, without Electron's own 260 MB. */
export const CONTENTS_BYTES_MAX = 200_000_000;

/** Everything else is a mistake. Each rule matches at least one file. */
export const ALLOWED: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /^LICENSE$/, why: 'our license' },
  { pattern: /^resources\/icons\/(?:icon|tray-[\w@]+)\.png$/, why: 'window and tray' },
  { pattern: /^dist\/desktop\/[\w-]+\.js$/, why: 'the shell' },
  { pattern: /^dist\/preload\/\w+\.cjs$/, why: 'the preload scripts' },
  { pattern: /^dist\/renderer\/.+\.(?:html|js|css|woff2|svg|json)$/, why: 'the pages' },
  { pattern: /^dist\/agent\/(?:main\/.+\.js|package\.json)$/, why: 'the agent' },
  { pattern: /^dist\/agent\/resources\/models\/.+\.(?:gguf|json|txt)$/, why: 'the tiny model' },
  {
    pattern: /^dist\/agent\/native\/build\/idlewatt[\w-]*(?:\.node|\.exe)?$/,
    why: 'the sandbox and the sensors',
  },
  { pattern: /^node_modules\/.+\/package\.json$/, why: 'how packages are found and loaded' },
  { pattern: /^node_modules\/(?!@node-llama-cpp|@foundry-rs).+\.(?:js|cjs|mjs)$/, why: 'code of packages' },
  { pattern: /^node_modules\/(?:.+\/)?(?:ci-info|cli-spinners)\/\w+\.json$/, why: 'data of packages' },
  { pattern: /^node_modules\/node-llama-cpp\/llama\/[\w.]+\.json$/, why: 'the version of llama.cpp' },
  { pattern: /^node_modules\/tiny-secp256k1\/lib\/secp256k1\.wasm$/, why: 'verifies signatures' },
  { pattern: /^node_modules\/better-sqlite3\/prebuilds\/[\w-]+\.node$/, why: 'the database' },
  { pattern: /^node_modules\/@node-llama-cpp\/[\w-]+\/dist\/index\.js$/, why: 'where the engine is' },
  {
    pattern:
      /^node_modules\/@node-llama-cpp\/[\w-]+\/bins\/[\w-]+\/[\w.-]+\.(?:so|node|dylib|dll|metal|json)$/,
    why: 'the engine',
  },
  { pattern: /^node_modules\/@foundry-rs\/anvil-[\w-]+\/bin\/anvil(?:\.exe)?$/, why: 'the practice chain' },
];
/** Only in packages for tests, whose Electron has an older Node. */
const BUNDLED_NODE = /^node_modules\/node\/bin\/node(?:\.exe)?$/;

/** Never needed at run time, wherever it is. */
const FORBIDDEN =
  /\.(?:map|ts|tsx|mts|cts|c|cc|cpp|h|hpp|o|a|md|markdown|gyp|yml|flow)$|\/(?:tests?|__tests__|examples?|docs?|benchmarks?|coverage|\.github)\//i;
/** Builds for GPUs whose libraries no plain system has. */
const CUDA = /cuda|cublas|cudart/i;
const PLATFORM_WORDS: Readonly<Record<PackageSystem['platform'], RegExp>> = {
  linux: /linux/,
  darwin: /darwin|mac/,
  win32: /win/,
};
const NATIVE = /^node_modules\/(?:@node-llama-cpp|@foundry-rs|better-sqlite3\/prebuilds)\/?([\w-]+)/;

/** One sentence per file that must not be in a package for this system. */
export function unexpectedFiles(files: readonly Pick<PackageFile, 'to'>[], system: PackageSystem): string[] {
  return files.flatMap(({ to }) => {
    if (FORBIDDEN.test(to)) return [`${to} is not needed at run time.`];
    if (/^node_modules\/@node-llama-cpp\//.test(to) && CUDA.test(to))
      return [`${to} can't load without CUDA.`];
    const build = NATIVE.exec(to)?.[1];
    if (build !== undefined && !isFor(build, system)) return [`${to} is for another system.`];
    if (BUNDLED_NODE.test(to) || ALLOWED.some(({ pattern }) => pattern.test(to))) return [];
    return [`${to} is not in the list of what a package may contain.`];
  });
}

/** One sentence if the files are too large together, otherwise null. */
export function tooLarge(files: readonly PackageFile[]): string | null {
  const bytes = files.reduce((sum, { from }) => sum + statSync(from).size, 0);
  if (bytes <= CONTENTS_BYTES_MAX) return null;
  return `The files have ${Math.round(bytes / 1e6)} MB, more than ${CONTENTS_BYTES_MAX / 1e6} MB.`;
}

function isFor(build: string, { platform, arch }: PackageSystem): boolean {
  const others = Object.entries(PLATFORM_WORDS).filter(([name]) => name !== platform);
  const words = build.replace(/musl/, '-musl');
  if (/musl|armv7|riscv/.test(words)) return false;
  const isPlatform = PLATFORM_WORDS[platform].test(words);
  const isOther = !isPlatform && others.some(([, pattern]) => pattern.test(words));
  const isArch = arch === 'x64' ? /x64|amd64/.test(words) : /arm64/.test(words);
  return isPlatform && !isOther && isArch;
}
