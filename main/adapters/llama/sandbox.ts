/**
 * What the engine may touch: the model's folder, its own code and libraries, the graphics devices. On Linux a
 * launcher shuts the process in before its first line runs; elsewhere the process does it itself as far as the
 * system allows. The parts in force are reported, never assumed.
 */
import { getPriority, totalmem } from 'node:os';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadNative, sandboxLauncher } from '../../../native/index.ts';
import type { SandboxPart, SandboxReport, SandboxState } from '../../../shared/sandbox.ts';

export interface SandboxOptions {
  /** Folders that models are loaded from. */
  readonly modelFolders: readonly string[];
  /** Of private memory: heaps and contexts. Three quarters of the machine's by default. */
  readonly memoryBytesMax?: number;
  /** Null starts the engine without the launcher, as where it could not be compiled. */
  readonly launcher?: string | null;
}

/** How to start a Node program inside the sandbox, as `fork` takes it. */
export interface SandboxedStart {
  readonly execPath: string;
  readonly execArgv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

const MEMORY_SHARE = 0.75;
/** Told by the launcher to the program that it starts. */
const IN_FORCE = 'IDLEWATT_SANDBOX';

/** Systems differ; what does not exist is passed over. No folder in which people keep things. */
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
/** Below the repository, or below the agent's folder of a build: the code that the engine is made of. */
const CODE = [
  'main',
  'shared',
  'native',
  'node_modules',
  '../../node_modules',
  'package.json',
  'resources/models',
];
/** Variables of the engine's environment that name more libraries. */
const LIBRARY_VARIABLES = ['LD_LIBRARY_PATH', 'CUDA_PATH', 'VK_ICD_FILENAMES', 'VK_DRIVER_FILES'];

/** Null where there is no launcher: the engine then starts as any other program. */
export function sandboxedStart(program: string, options: SandboxOptions): SandboxedStart | null {
  const launcher = options.launcher === undefined ? sandboxLauncher() : options.launcher;
  if (launcher === null) return null;
  const libraries = LIBRARY_VARIABLES.flatMap((name) => process.env[name]?.split(delimiter) ?? []);
  const readable = [
    ...SYSTEM_READABLE,
    ...CODE.map((path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))),
    // Electron keeps its own files and ours beside its program.
    process.versions.electron === undefined ? program : dirname(program),
    ...libraries.filter((path) => path !== ''),
    ...options.modelFolders,
  ];
  const parameters = [
    ['--parent', `${process.pid}`],
    ['--memory', `${memoryBytesMax(options)}`],
    ...readable.map((path) => ['--read', path]),
    ...DEVICES.map((path) => ['--device', path]),
  ];
  // Without a home in its environment a library would look it up in the list of users, which it may not read.
  const env = { HOME: '/nonexistent' };
  return { execPath: launcher, execArgv: [...parameters.flat(), '--', program], env };
}

/**
 * The engine's own part, to be called when its libraries are loaded and before a model is: on Windows and macOS
 * it shuts the process in. Gives what is in force.
 */
export function enterSandbox(): SandboxReport {
  const launched = process.env[IN_FORCE];
  const native = loadNative();
  const names = launched ?? native.confine(memoryBytesMax({}), process.ppid);
  const inForce = new Set(names.split(' '));
  if (getPriority() === LOWEST_PRIORITY) inForce.add('priority');
  const isBuilt = launched !== undefined || (process.platform !== 'linux' && native.missing === null);
  const stateOf = (part: SandboxPart): SandboxState => {
    if (inForce.has(part)) return 'in-force';
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

/** See native/README.md. */
const NOT_WRITTEN: { readonly [Platform in NodeJS.Platform]?: readonly SandboxPart[] } = {
  win32: ['network', 'files'],
  darwin: ['files', 'memory'],
};

const LOWEST_PRIORITY = 19;

function memoryBytesMax(options: { readonly memoryBytesMax?: number }): number {
  return options.memoryBytesMax ?? Math.floor(totalmem() * MEMORY_SHARE);
}
