/** The anvil process: found in its platform package, bound to loopback, ended when its parent ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 4_000;

/**
 * Where there is a shell, it watches its standard input, a pipe that the kernel closes when the parent ends
 * for any reason, and then stops anvil. (On Windows children of Node end with it.)
 */
const WATCHED = `exec 3<&0
"$@" </dev/null 3<&- &
anvil=$!
trap 'kill -TERM $anvil' TERM INT
{ cat <&3 >/dev/null; kill -TERM $anvil; } 2>/dev/null &
exec 3<&-
wait $anvil
wait $anvil`;

/** A running anvil. */
export interface AnvilProcess {
  readonly rpcUrl: string;
  /** Ends it. */
  stop(): Promise<void>;
  /** Resolves when it ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/** The binary in the platform's own package: it is there whether or not install scripts ran. */
export function findAnvil(): string {
  const require = createRequire(import.meta.url);
  const system = process.platform === 'win32' ? 'win32' : process.platform;
  const processor = process.arch === 'x64' ? 'amd64' : process.arch;
  try {
    const folder = dirname(require.resolve(`@foundry-rs/anvil-${system}-${processor}/package.json`));
    const file = join(folder, 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil');
    if (process.platform !== 'win32' && (statSync(file).mode & 0o111) === 0) chmodSync(file, 0o755);
    return file;
  } catch (cause) {
    throw new AppError('unsupported', 'There is no local chain for this kind of machine.', {
      cause,
      details: { platform: process.platform, architecture: process.arch },
    });
  }
}

/** Starts anvil on 127.0.0.1; port 0 takes a free one. Fails with `port-in-use` or `chain-unavailable`. */
export async function startAnvil(options: {
  readonly chainId: number;
  readonly port: number;
}): Promise<AnvilProcess> {
  const binary = findAnvil();
  const flags = [
    ['--host', '127.0.0.1'],
    ['--port', String(options.port)],
    ['--chain-id', String(options.chainId)],
    ['--prune-history', '256'],
  ].flat();
  const child =
    process.platform === 'win32'
      ? spawn(binary, flags, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
      : spawn('/bin/sh', ['-c', WATCHED, 'anvil', binary, ...flags], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin?.on('error', () => undefined);
  const address = await listening(child, options.port);
  // What it prints from here on is of no use and must not fill the pipe.
  child.stdout?.resume();
  child.stderr?.resume();
  return {
    rpcUrl: `http://${address}`,
    ended,
    async stop() {
      if (child.stdin === null) child.kill();
      else child.stdin.end();
      const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(late);
    },
  };
}

/** Reads until anvil says where it listens. Its banner shows practice keys, so none of it is kept. */
function listening(child: ChildProcess, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const fail = (error: AppError): void => {
      clearTimeout(late);
      child.stdin?.end();
      child.kill();
      reject(error);
    };
    const late = setTimeout(
      () => fail(new AppError('chain-unavailable', 'The local chain did not start in time.')),
      START_TIMEOUT_MS,
    );
    const read = (chunk: Buffer): void => {
      text = (text + chunk.toString('utf8')).slice(-20_000);
      const match = /Listening on (127\.0\.0\.1:\d+)/.exec(text);
      if (match?.[1] !== undefined) {
        clearTimeout(late);
        child.stdout?.off('data', read);
        child.stderr?.off('data', read);
        child.removeAllListeners('exit');
        resolve(match[1]);
      }
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('error', (cause) =>
      fail(new AppError('chain-unavailable', 'The local chain could not be started.', { cause })),
    );
    child.once('exit', () =>
      fail(
        /already in use|AddrInUse/i.test(text)
          ? new AppError('port-in-use', `Port ${port} is taken.`, { details: { port } })
          : new AppError('chain-unavailable', 'The local chain ended while it started.'),
      ),
    );
  });
}
