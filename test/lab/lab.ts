/** Opens the small internet of `nat-lab.sh` or the LAN of `office-lab.sh`, and runs Node programs at its hosts. Everything in it ends with the lab. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** The hosts of `nat-lab.sh up`, and those that a run has added. */
export type Host = 'boot' | 'boot2' | 'relay' | 'relay2' | 'pub' | 'p' | 'q' | 'r' | `more${number}`;
/** The hosts of `office-lab.sh up`. */
export type OfficeHost = 'front' | 'desk' | 'render' | 'meeting' | 'stranger';

export interface Lab<Name extends string = Host> {
  /** Starts a program with a channel for messages, in the network of a host. */
  start(host: Name, program: string, parameters: readonly string[]): ChildProcess;
  /** Runs a command of the lab's script. */
  run(...command: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const NAT = join(import.meta.dirname, 'nat-lab.sh');
const OFFICE = join(import.meta.dirname, 'office-lab.sh');
/** Root can create a network without a user namespace; other users cannot. */
const AS_USER = process.getuid?.() === 0 ? [] : ['--map-root-user'];
const ENTER_USER = process.getuid?.() === 0 ? [] : ['--user', '--preserve-credentials'];
/** The names of the networks are below /run, which the lab has for itself. */
const HOLD = `mount -t tmpfs tmpfs /run && "$0" up "$1" && echo up && exec cat`;

/**
 * `delayMs`: time that each packet takes between a router and the public bridge; a round trip between the two homes takes
 * four times as long. Rejects with the reason where the kernel or its tools don't support it.
 */
export function openLab({ delayMs = 0 }: { readonly delayMs?: number } = {}): Promise<Lab> {
  return open(NAT, delayMs);
}

/** See {@link openLab}. */
export function openOfficeLab(): Promise<Lab<OfficeHost>> {
  return open(OFFICE, 0);
}

async function open<Name extends string>(script: string, delayMs: number): Promise<Lab<Name>> {
  const holder = spawn(
    'unshare',
    ['--net', '--mount', ...AS_USER, 'sh', '-c', HOLD, script, String(delayMs)],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
    },
  );
  const children = new Set<ChildProcess>();
  const errors: string[] = [];
  createInterface({ input: holder.stderr }).on('line', (line) => errors.push(line));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: holder.stdout }).once('line', () => resolve());
    holder.once('error', reject);
    holder.once('exit', () => reject(new Error(`The lab could not be built:\n${errors.join('\n')}`)));
  });
  const inside = [`--target=${holder.pid}`, '--mount', '--net', ...ENTER_USER];
  return {
    start(host, program, parameters) {
      const child = spawn(
        'nsenter',
        [...inside, 'ip', 'netns', 'exec', host, process.execPath, program, ...parameters],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      );
      children.add(child);
      child.once('exit', () => children.delete(child));
      return child;
    },
    async run(...command) {
      await promisify(execFile)('nsenter', [...inside, script, ...command]);
    },
    async close() {
      await Promise.all(
        [...children].map(async (child) => {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }),
      );
      holder.stdin.end();
      await once(holder, 'exit');
    },
  };
}
