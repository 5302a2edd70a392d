/**
 * Sandbox of the engine: it may access only the model folders, its own code and libraries, and the GPU devices. On
 * Linux a launcher confines the process before its first line runs; elsewhere the process confines itself as far as the
 * system allows. The active parts are reported, never assumed.
 */
import { getPriority, totalmem } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadNative, sandboxLauncher } from '../../../native/index.ts';
import type { SandboxPart, SandboxReport, SandboxState } from '../../../shared/sandbox.ts';

export interface SandboxOptions {
  /** Folders from which models are loaded. */
  readonly modelFolders: readonly string[];
  /** Folders of libraries that aren't part of this copy of Idlewatt; none by default. */
  readonly libraryFolders?: readonly string[];
  /** Limit on private memory (heaps and contexts). By default three quarters of the machine's memory. */
  readonly memoryBytesMax?: number;
  /** Null starts the engine without the launcher, as on machines where it could not be compiled. */
  readonly launcher?: string | null;
}

/** Options of `fork` that start a Node program inside the sandbox. */
export interface SandboxedStart {
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

const MEMORY_SHARE = 0.75;
/** Variable in which the launcher lists the active parts for the program it starts. */
const ACTIVE_PARTS = 'IDLEWATT_SANDBOX';

/** System paths; those that do not exist are skipped. None of these folders holds personal files. */
const SYSTEM_READABLE = [
  '/usr',
  '/lib',
  '/lib32',
  '/lib64',
  '/opt/cuda',
  '/opt/rocm',
  '/nix/store',
  '/etc/ld.so.cache',
  '/etc/ssl/openssl.cnf',
  '/etc/pki/tls/openssl.cnf',
  '/etc/crypto-policies',
  '/etc/localtime',
  '/etc/vulkan',
  '/etc/OpenCL',
  '/etc/nvidia',
  '/proc/self',
  '/proc/cpuinfo',
  '/proc/meminfo',
  '/proc/stat',
  '/proc/version',
  '/proc/devices',
  '/proc/modules',
  '/proc/driver/nvidia',
  '/sys',
  '/dev/urandom',
  '/dev/random',
];
const DEVICES = [
  '/dev/null',
  '/dev/zero',
  '/dev/dri',
  '/dev/kfd',
  '/dev/nvidiactl',
  '/dev/nvidia-uvm',
  '/dev/nvidia-uvm-tools',
  '/dev/nvidia-modeset',
  '/dev/nvidia-caps',
  ...Array.from({ length: 16 }, (_, index) => `/dev/nvidia${index}`),
];
/** Code of the engine, relative to the repository or to the agent's folder of a build. */
const CODE = [
  'main',
  'shared',
  'native',
  'node_modules',
  '../../node_modules',
  'package.json',
  'resources/models',
];
/** Environment variables of the engine that name additional library paths. */
const LIBRARY_VARIABLES = ['LD_LIBRARY_PATH', 'CUDA_PATH', 'VK_ICD_FILENAMES', 'VK_DRIVER_FILES'];

/** Returns null without a launcher: the engine then starts like any other program. */
export function sandboxedStart(program: string, options: SandboxOptions): SandboxedStart | null {
  const launcher = options.launcher === undefined ? sandboxLauncher() : options.launcher;
  if (launcher === null) return null;
  const libraries = LIBRARY_VARIABLES.flatMap((name) => process.env[name]?.split(delimiter) ?? []);
  const readable = [
    ...SYSTEM_READABLE,
    ...CODE.map((path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))),
    // Electron's files and the app's files are next to the executable.
    process.versions.electron === undefined ? program : dirname(program),
    ...libraries.filter((path) => path !== ''),
    ...options.modelFolders,
    ...(options.libraryFolders ?? []),
  ];
  const parameters = [
    ['--parent', `${process.pid}`],
    ['--memory', `${memoryBytesMax(options)}`],
    ...readable.map((path) => ['--read', path]),
    ...DEVICES.map((path) => ['--device', path]),
  ];
  // Without HOME a library would look up the home folder in the list of users, which the sandbox forbids.
  const env = { HOME: '/nonexistent' };
  return { execPath: launcher, execArgv: [...parameters.flat(), '--', program], env };
}

/**
 * Confines this process on Windows and macOS and returns the state of each part. Must be called after the libraries are
 * loaded and before a model is.
 */
export function enterSandbox(): SandboxReport {
  const launched = process.env[ACTIVE_PARTS];
  const native = loadNative();
  // A core file would contain prompts. The launcher's limit doesn't bind every handler of core files.
  native.preventDumps();
  const names = launched ?? native.confine(memoryBytesMax({}), process.ppid);
  const active = new Set(names.split(' '));
  if (getPriority() === LOWEST_PRIORITY) active.add('priority');
  const isBuilt = launched !== undefined || (process.platform !== 'linux' && native.missing === null);
  const stateOf = (part: SandboxPart): SandboxState => {
    if (active.has(part)) return 'in-force';
    if (!isBuilt) return 'not-built';
    return NOT_WRITTEN[process.platform]?.includes(part) ? 'not-written' : 'refused';
  };
  return {
    network: stateOf('network'),
    files: stateOf('files'),
    memory: stateOf('memory'),
    priority: stateOf('priority'),
    diesWithParent: stateOf('diesWithParent'),
  };
}

/** Parts without an implementation; see native/README.md. */
const NOT_WRITTEN: { readonly [Platform in NodeJS.Platform]?: readonly SandboxPart[] } = {
  win32: ['network', 'files'],
  darwin: ['files', 'memory'],
};

const LOWEST_PRIORITY = 19;

function memoryBytesMax(options: { readonly memoryBytesMax?: number }): number {
  return options.memoryBytesMax ?? Math.floor(totalmem() * MEMORY_SHARE);
}
