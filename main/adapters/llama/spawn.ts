/** Starts the engine's process with a minimal environment and speaks to it over Node's IPC channel. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { assertNever } from '../../../shared/assert.ts';
import type { EngineProcess, GraphicsChoice, SpawnEngine } from '../../ports/engine-process.ts';
import { NO_GRAPHICS, ONLY_CUDA } from './graphics-parameters.ts';
import { type SandboxOptions, sandboxedStart } from './sandbox.ts';

export interface LlamaSpawnOptions {
  /** The process's entry; the one beside this file unless the build put it elsewhere. */
  readonly entry?: string;
  /** The Node binary; this process's own by default. */
  readonly execPath?: string;
  /** Where models lie and what the engine may use of the machine. */
  readonly sandbox?: SandboxOptions;
  /** Asked at each start; all cards by default. */
  readonly graphics?: () => GraphicsChoice;
}

/** What native libraries need to be found and to choose a device; nothing else of our environment goes in. */
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

/** The spawner of engine processes that compute with llama.cpp. */
export function createLlamaSpawner(options: LlamaSpawnOptions = {}): SpawnEngine {
  const entry = options.entry ?? fileURLToPath(new URL('./engine-process.ts', import.meta.url));
  const program = options.execPath ?? process.execPath;
  return () => {
    // Debugger and loader flags of the parent would let the child listen or run foreign code.
    const start = sandboxedStart(program, options.sandbox ?? { modelFolders: [] });
    const graphics = options.graphics?.() ?? { kind: 'all' };
    const child = fork(entry, graphicsParameters(graphics), {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...minimalEnvironment(), ...start?.env, ...graphicsEnvironment(graphics) },
      execPath: start?.execPath ?? program,
      execArgv: [...(start?.execArgv ?? [])],
    });
    // Not until the process is started do we know its id; a failed start arrives as `error`.
    const started: EngineProcess = {
      pid: child.pid ?? -1,
      send(command) {
        if (child.connected) child.send(command, () => {});
      },
      onMessage(listener) {
        child.on('message', listener);
      },
      onExit(listener) {
        let told = false;
        const tell = (cause: string) => {
          if (!told) listener(cause);
          told = true;
        };
        child.once('error', (error) => tell(`it could not be started (${error.message})`));
        child.once('exit', (code, signal) =>
          tell(signal ? `it was ended by ${signal}` : `exit code ${code}`),
        );
      },
      kill() {
        child.kill('SIGKILL');
      },
    };
    return started;
  };
}

/** See engine-process.ts, which reads them. */
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

/** CUDA then sees these cards and no other; no other library is tried, since it would see all of them. */
function graphicsEnvironment(choice: GraphicsChoice): NodeJS.ProcessEnv {
  return choice.kind === 'some' ? { CUDA_VISIBLE_DEVICES: choice.uuids.join(',') } : {};
}

function minimalEnvironment(): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const name of ENVIRONMENT) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  // Inside Electron our own binary is a browser unless told to be Node.
  if (process.versions.electron) environment.ELECTRON_RUN_AS_NODE = '1';
  return environment;
}
