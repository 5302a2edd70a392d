/** Starts the engine process with a minimal environment and exchanges messages over Node's IPC channel. */
import { type ChildProcess, fork } from 'node:child_process';
import { delimiter } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { assertNever } from '../../../shared/assert.ts';
import type {
  EngineProcess,
  GraphicsChoice,
  LibraryFolders,
  SpawnEngine,
} from '../../ports/engine-process.ts';
import { noDebuggerFlags } from '../../ports/no-debugger.ts';
import { fetchedPackageParameter, NO_GRAPHICS, ONLY_CUDA } from './graphics-parameters.ts';
import { type SandboxOptions, sandboxedStart } from './sandbox.ts';

export interface LlamaSpawnOptions {
  /** Entry file of the process; by default the one next to this file. */
  readonly entry?: string;
  /** Node executable; by default the one of this process. */
  readonly execPath?: string;
  /** Model folders and limits of the engine. */
  readonly sandbox?: SandboxOptions;
  /** Queried at each start; all GPUs by default. */
  readonly graphics?: () => GraphicsChoice;
  /** Queried at each start; none by default. */
  readonly libraries?: () => LibraryFolders | null;
  /**
   * Receives the error output of every process that is started, e.g. a native assertion or an uncaught error; by default
   * it is discarded. The engine writes no prompts or responses to it, and llama.cpp's own log is off.
   */
  readonly onStderr?: (stream: Readable) => void;
}

/** Variables that native libraries need to be found and to choose a device; no others are passed to the engine. */
const ENVIRONMENT = [
  'PATH',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'WINDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_PATH',
  'VK_ICD_FILENAMES',
  'VK_DRIVER_FILES',
  'GGML_VK_VISIBLE_DEVICES',
  'LANG',
];

/** Returns a function that starts an engine process with llama.cpp. */
export function createLlamaSpawner(options: LlamaSpawnOptions = {}): SpawnEngine {
  const entry = options.entry ?? fileURLToPath(new URL('./engine-process.ts', import.meta.url));
  return () => {
    const graphics = options.graphics?.() ?? { kind: 'all' };
    const libraries = graphics.kind === 'none' ? null : (options.libraries?.() ?? null);
    const sandbox = options.sandbox ?? { modelFolders: [] };
    const child = forkSandboxed(entry, {
      parameters: [...graphicsParameters(graphics), ...libraryParameters(libraries)],
      environment: { ...graphicsEnvironment(graphics), ...libraryEnvironment(libraries) },
      sandbox: { ...sandbox, libraryFolders: libraryFolders(libraries) },
      execPath: options.execPath ?? process.execPath,
      hasStderr: options.onStderr !== undefined,
    });
    if (child.stderr !== null) options.onStderr?.(child.stderr);
    // The process ID is missing if the start failed, which is reported as `error`.
    const started: EngineProcess = {
      pid: child.pid ?? -1,
      send(command) {
        if (child.connected) child.send(command, () => {});
      },
      onMessage(listener) {
        child.on('message', listener);
      },
      onExit(listener) {
        let reported = false;
        const report = (cause: string) => {
          if (!reported) listener(cause);
          reported = true;
        };
        child.once('error', (error) => report(`could not be started (${error.message})`));
        child.once('exit', (code, signal) =>
          report(signal ? `killed by ${signal}` : `exited with code ${code}`),
        );
      },
      kill() {
        child.kill('SIGKILL');
      },
    };
    return started;
  };
}

/** Options of a process that runs inside the engine's sandbox. */
export interface SandboxedFork {
  readonly parameters: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly sandbox: SandboxOptions;
  /** Node executable; by default the one of this process. */
  readonly execPath?: string;
  /** Discarded unless true. */
  readonly hasStderr?: boolean;
}

/** Starts a Node program inside the sandbox, with a minimal environment and an IPC channel. */
export function forkSandboxed(entry: string, options: SandboxedFork): ChildProcess {
  const program = options.execPath ?? process.execPath;
  const start = sandboxedStart(program, options.sandbox);
  return fork(entry, [...options.parameters], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', options.hasStderr ? 'pipe' : 'ignore', 'ipc'],
    env: { ...minimalEnvironment(), ...start?.env, ...options.environment },
    execPath: start?.execPath ?? program,
    // The parent's own flags (debugger, loaders) would let the child listen or run foreign code.
    execArgv: [...(start?.execArgv ?? []), ...noDebuggerFlags()],
  });
}

/** Command-line parameters, which engine-process.ts reads. */
function graphicsParameters({ kind }: GraphicsChoice): string[] {
  switch (kind) {
    case 'all':
      return [];
    case 'some':
      return [ONLY_CUDA];
    case 'none':
      return [NO_GRAPHICS];
    default:
      return assertNever(kind);
  }
}

/** Limits CUDA to the chosen GPUs. Other libraries are not tried, because they would see all GPUs. */
function graphicsEnvironment(choice: GraphicsChoice): NodeJS.ProcessEnv {
  return choice.kind === 'some' ? { CUDA_VISIBLE_DEVICES: choice.uuids.join(',') } : {};
}

function libraryParameters(libraries: LibraryFolders | null): string[] {
  if (libraries === null) return [];
  return [fetchedPackageParameter({ name: libraries.packageName, folder: libraries.packageFolder })];
}

/** The folders come first: a system's own libraries may be of another version. */
function libraryEnvironment(libraries: LibraryFolders | null): NodeJS.ProcessEnv {
  if (libraries === null) return {};
  const variable = process.platform === 'win32' ? 'PATH' : 'LD_LIBRARY_PATH';
  const before = process.env[variable];
  return { [variable]: [...libraries.libraries, ...(before ? [before] : [])].join(delimiter) };
}

function libraryFolders(libraries: LibraryFolders | null): readonly string[] {
  return libraries === null ? [] : [libraries.packageFolder, ...libraries.libraries];
}

function minimalEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const name of ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  // Inside Electron, the executable runs as a browser unless this variable makes it Node.
  if (process.versions.electron) environment.ELECTRON_RUN_AS_NODE = '1';
  return environment;
}
