/** Starts a virtual display (Xvfb) with its own session bus, in which tests and screenshots open windows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export interface VirtualDisplay {
  /** Environment variables for programs that open windows there. */
  readonly env: {
    readonly DISPLAY: string;
    readonly DBUS_SESSION_BUS_ADDRESS: string;
    readonly NO_AT_BRIDGE: '1';
  };
  /** File with the current pixels of the screen, as an X window dump. */
  readonly dumpFile: string;
  close(): Promise<void>;
}

const START_MS_MAX = 20_000;

export async function openVirtualDisplay(size: { width: number; height: number }): Promise<VirtualDisplay> {
  const folder = await mkdtemp(join(tmpdir(), 'idlewatt-display-'));
  // `-displayfd` lets the server choose a free number, so that two checkouts can run tests concurrently.
  const server = spawn(
    'Xvfb',
    [
      '-displayfd',
      '3',
      '-screen',
      '0',
      `${size.width}x${size.height}x24`,
      '-nolisten',
      'tcp',
      '-noreset',
      '-fbdir',
      folder,
    ],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
  );
  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', '--print-address=3'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const close = async () => {
    await Promise.all([end(server), end(bus)]);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [number, address] = await Promise.all([firstLine(server, 'Xvfb'), firstLine(bus, 'dbus-daemon')]);
    return {
      env: { DISPLAY: `:${number}`, DBUS_SESSION_BUS_ADDRESS: address, NO_AT_BRIDGE: '1' },
      dumpFile: join(folder, 'Xvfb_screen0'),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function firstLine(child: ChildProcess, name: string): Promise<string> {
  const pipe = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} did not start within ${START_MS_MAX / 1_000} s.`)),
      START_MS_MAX,
    );
    let text = '';
    pipe.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      resolve(text.slice(0, text.indexOf('\n')).trim());
    });
    child.once('error', (error) => reject(new Error(`Could not start ${name}: ${error.message}`)));
    child.once('exit', (code) => reject(new Error(`${name} exited with code ${code} before it was ready.`)));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}
