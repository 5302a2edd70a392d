/**
 * The files of an installed app, without Electron's own: only what is needed at run time on one system. JavaScript that
 * the bundles leave in node_modules is found by tracing its imports; native files are named per system.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nodeFileTrace } from '@vercel/nft';
import { IN_NODE_MODULES } from './agent-bundle.ts';
import { REPOSITORY } from './places.ts';

const MODULES = join(REPOSITORY, 'node_modules');

export interface PackageSystem {
  readonly platform: 'linux' | 'darwin' | 'win32';
  readonly arch: 'x64' | 'arm64';
}

export interface PackageFile {
  /** Absolute path of the source. */
  readonly from: string;
  /** Path in the app's folder, with forward slashes. */
  readonly to: string;
}

/** Builds of llama.cpp that load on a plain desktop system: CUDA's need libraries that a driver doesn't install. */
const LLAMA_BUILDS: Readonly<Record<string, readonly string[]>> = {
  'linux-x64': ['linux-x64', 'linux-x64-vulkan'],
  'linux-arm64': ['linux-arm64'],
  'darwin-x64': ['mac-x64'],
  'darwin-arm64': ['mac-arm64-metal'],
  'win32-x64': ['win-x64', 'win-x64-vulkan'],
  'win32-arm64': ['win-arm64'],
};
/** Named per system above, parts of Electron, or never used by the agent. */
const NOT_TRACED = [
  'node_modules/{@node-llama-cpp,@foundry-rs,@electron,@electron-internal,@reflink}/**',
  'node_modules/{electron,webgpu,gl}/**',
  'node_modules/better-sqlite3/{prebuilds,build}/**',
  // The source of llama.cpp, for compiling it on the owner's machine.
  'node_modules/node-llama-cpp/{bins,templates}/**',
  'node_modules/node-llama-cpp/llama/!(*.json)',
  'node_modules/node-llama-cpp/llama/*/**',
];
/** Loaded by a path that tracing doesn't find. */
const LOADED_BY_PATH = [
  'node_modules/node-llama-cpp/llama/binariesGithubRelease.json',
  'node_modules/node-llama-cpp/llama/llama.cpp.info.json',
  'node_modules/pdfkit/js/standard-fonts/Helvetica.cjs',
  'node_modules/pdfkit/js/standard-fonts/HelveticaBold.cjs',
  'node_modules/pdfkit/package.json',
  'node_modules/tiny-secp256k1/lib/secp256k1.wasm',
];
const FOLDERS = ['dist/desktop', 'dist/preload', 'dist/renderer', 'dist/agent', 'resources/icons'];
/** Files that only builds and packages need. */
const NOT_NEEDED = /^dist\/renderer\/\.vite\/|^resources\/icons\/(?:linux\/|icon\.ic)/;
/** Without what only linkers for Windows read. */
const IN_NATIVE_PACKAGE = /(?:^|\/)(?:bins\/.*(?<!\.lib)|bin\/.*|dist\/.*\.js|package\.json)$/;

/**
 * Fails if a package for the system isn't in `modules`, the folder with the packages of native files, or if the app isn't
 * built.
 */
export async function packageFiles(system: PackageSystem, modules = MODULES): Promise<PackageFile[]> {
  const native = nativeFiles(system, modules);
  const files = [
    'LICENSE',
    ...FOLDERS.flatMap(filesBelow).filter((path) => !NOT_NEEDED.test(path) && isOwnIcon(path, system)),
    ...(await tracedFiles()),
    ...LOADED_BY_PATH,
  ];
  const own = [...new Set(files)].map((to) => ({ from: join(REPOSITORY, to), to }));
  return [...own, ...native].sort((a, b) => (a.to < b.to ? -1 : 1));
}

/** macOS has tray icons of its own. */
export function isOwnIcon(path: string, { platform }: PackageSystem): boolean {
  const tray = /^resources\/icons\/tray-\w+?(Template)?(?:@2x)?\.png$/.exec(path);
  return tray === null || (tray[1] !== undefined) === (platform === 'darwin');
}

/** The pinned Node, for an Electron whose Node is too old for the agent. */
export function bundledNode(): PackageFile[] {
  const name = `node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`;
  return [{ from: join(REPOSITORY, name), to: name }];
}

/** JavaScript and data that the packages outside of the bundles load. */
async function tracedFiles(): Promise<string[]> {
  const roots = IN_NODE_MODULES.filter((name) => name !== '@foundry-rs/anvil').map((name) =>
    fileURLToPath(import.meta.resolve(name)),
  );
  const { fileList } = await nodeFileTrace(roots, {
    base: REPOSITORY,
    processCwd: REPOSITORY,
    // Only imports: evaluating the code to find paths takes most of the time.
    analysis: { emitGlobs: false, computeFileReferences: false, evaluatePureExpressions: false },
    ignore: NOT_TRACED,
  });
  return [...fileList].map((path) => path.split(sep).join('/'));
}

/** Names of the packages that contain native files for one system. */
export function nativePackages({ platform, arch }: PackageSystem): string[] {
  const builds = LLAMA_BUILDS[`${platform}-${arch}`] ?? [];
  const anvil = `${platform}-${arch === 'x64' ? 'amd64' : arch}`;
  return [...builds.map((build) => `@node-llama-cpp/${build}`), `@foundry-rs/anvil-${anvil}`];
}

/** The files of {@link nativePackages} in the folder `modules`; fails if it lacks one of these packages. */
export function nativeFiles(system: PackageSystem, modules: string): PackageFile[] {
  const database = `node_modules/better-sqlite3/prebuilds/${system.platform}-${system.arch}.node`;
  const files = nativePackages(system).flatMap((name) => {
    const folder = join(modules, name);
    if (!existsSync(folder)) {
      throw new Error(`${name} is not installed: packages are built on the system that they are for.`);
    }
    return namesBelow(folder)
      .filter((path) => IN_NATIVE_PACKAGE.test(path))
      .map((path) => ({ from: join(folder, path), to: `node_modules/${name}/${path}` }));
  });
  return [{ from: join(REPOSITORY, database), to: database }, ...files];
}

function filesBelow(folder: string): string[] {
  const root = join(REPOSITORY, folder);
  if (!existsSync(root)) throw new Error(`${folder} is missing. Run \`npm run build\`.`);
  return namesBelow(root).map((name) => `${folder}/${name}`);
}

function namesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(root, name)).isFile())
    .map((name) => name.split(sep).join('/'));
}
