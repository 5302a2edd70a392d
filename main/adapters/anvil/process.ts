/**
 * The anvil process: located in its platform package, bound to an address that no web page reaches, and stopped when
 * its parent ends.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { choosePrivateAddress } from './private-address.ts';

const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 4_000;

/**
 * Shell script that runs anvil and stops it when standard input closes: the kernel closes that pipe when the parent
 * ends for any reason. (On Windows, children of Node end with it.)
 */
const WATCH_SCRIPT = `exec 3<&0
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
  /** Stops anvil; resolves when it has ended. */
  stop(): Promise<void>;
  /** Resolves when anvil has ended, for any reason. */
  readonly ended: Promise<void>;
}

/** Returns the binary in the platform's own package, which exists even if install scripts did not run. */
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
    throw new AppError(
      'unsupported',
      'The practice network isn’t available for this operating system and processor.',
      {
        cause,
        details: { platform: process.platform, architecture: process.arch },
      },
    );
  }
}

/** Starts anvil on a private address. Fails with `port-in-use` or `chain-unavailable`. */
export async function startAnvil(options: { readonly chainId: number }): Promise<AnvilProcess> {
  const binary = findAnvil();
  const { host, port } = await choosePrivateAddress();
  const flags = [
    ['--host', host],
    ['--port', String(port)],
    ['--chain-id', String(options.chainId)],
    ['--prune-history', '256'],
    // Its only client is this process, which loads the whole saved state in one call.
    ['--no-cors'],
    ['--no-request-size-limit'],
  ].flat();
  const child =
    process.platform === 'win32'
      ? spawn(binary, flags, { stdio: ['ignore', 'pipe', 'pipe'], windowsHide: true })
      : spawn('/bin/sh', ['-c', WATCH_SCRIPT, 'anvil', binary, ...flags], {
          stdio: ['pipe', 'pipe', 'pipe'],
        });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.stdin?.on('error', () => undefined);
  const address = await listening(child, port);
  // Further output is not needed and must not fill the pipe.
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

/** Reads anvil's output until it contains the address. The output is discarded, because its banner has practice keys. */
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
      () => fail(new AppError('chain-unavailable', 'The practice chain did not start in time.')),
      START_TIMEOUT_MS,
    );
    const read = (chunk: Buffer): void => {
      text = (text + chunk.toString('utf8')).slice(-20_000);
      const match = /Listening on (127(?:\.\d{1,3}){3}:\d+)/.exec(text);
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
      fail(new AppError('chain-unavailable', 'Could not start the practice chain.', { cause })),
    );
    child.once('exit', () =>
      fail(
        /already in use|AddrInUse/i.test(text)
          ? new AppError('port-in-use', `Port ${port} is already in use.`, { details: { port } })
          : new AppError('chain-unavailable', 'The practice chain ended while it was starting.'),
      ),
    );
  });
}
