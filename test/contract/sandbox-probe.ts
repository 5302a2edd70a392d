/**
 * Child process that attempts what the engine must not be able to do, and reports the results. `attempt` tries
 * everything once; `hang` blocks its only thread forever, like an engine that is stuck.
 */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import {
  chmodSync,
  chownSync,
  closeSync,
  fchmodSync,
  lchownSync,
  lutimesSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, connect as openConnection } from 'node:net';
import { join } from 'node:path';

/** Result of an attempt: `done`, or the error's code. */
export type Outcome = string;

export interface ProbeReport {
  /** Active parts of the sandbox, separated by spaces. */
  readonly inForce: string;
  readonly outcomes: { readonly [attempt: string]: Outcome };
  /** Private memory allocated before more was refused. */
  readonly memoryBytes: number;
}

const CHUNK_BYTES = 64 * 1024 * 1024;
const CHUNKS_MAX = 24;

const [verb, folder = '', port = '0'] = process.argv.slice(2);
if (verb === 'hang') {
  process.send?.('hanging', () => {
    for (;;) Math.random();
  });
} else {
  process.send?.(await attemptAll(), () => process.exit(0));
}

async function attemptAll(): Promise<ProbeReport> {
  const outcomes = {
    readUsers: attempt(() => readFileSync('/etc/passwd')),
    // The same on a thread of the pool, which also reads models.
    readUsersInPool: await attemptLater(() => readFile('/etc/passwd')),
    readKey: attempt(() => readFileSync(join(folder, 'key'))),
    listRoot: attempt(() => readdirSync('/')),
    readOtherProcess: attempt(() => readFileSync(`/proc/${process.ppid}/environ`)),
    writeBesideModel: attempt(() => writeFileSync(join(folder, 'models/new'), 'x')),
    overwriteModel: attempt(() => closeSync(openSync(join(folder, 'models/model'), 'r+'))),
    writeTemporary: attempt(() => writeFileSync(join(folder, 'temporary'), 'x')),
    readModel: attempt(() => readFileSync(join(folder, 'models/model'))),
    ...attemptChanges(join(folder, 'models/model')),
    signalParent: attempt(() => process.kill(process.ppid, 'SIGWINCH')),
    probeParent: attempt(() => process.kill(process.ppid, 0)),
    signalGroup: attempt(() => process.kill(0, 0)),
    signalSelf: attempt(() => process.kill(process.pid, 0)),
    runProgram: attempt(() => execFileSync(join(folder, 'program'))),
    connect: await attemptLater(() => connect(Number(port))),
    listen: await attemptLater(listen),
    datagram: await attemptLater(datagram),
  };
  return { inForce: process.env.IDLEWATT_SANDBOX ?? '', outcomes, memoryBytes: allocate() };
}

/** Changes of a file that aren't writes; none of them has a visible effect where it is permitted. */
function attemptChanges(path: string): { readonly [attempt: string]: Outcome } {
  const { mode, uid, gid, atime, mtime } = statSync(path);
  return {
    changeMode: attempt(() => chmodSync(path, mode)),
    changeModeOfOpen: attempt(() => {
      const file = openSync(path, 'r');
      try {
        fchmodSync(file, mode);
      } finally {
        closeSync(file);
      }
    }),
    changeOwner: attempt(() => chownSync(path, uid, gid)),
    changeLinkOwner: attempt(() => lchownSync(path, uid, gid)),
    changeTimes: attempt(() => utimesSync(path, atime, mtime)),
    changeLinkTimes: attempt(() => lutimesSync(path, atime, mtime)),
    truncate: attempt(() => truncateSync(path, 'a model'.length)),
  };
}

function attempt(act: () => unknown): Outcome {
  try {
    act();
    return 'done';
  } catch (error) {
    return codeOf(error);
  }
}

async function attemptLater(act: () => Promise<unknown>): Promise<Outcome> {
  try {
    await act();
    return 'done';
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

function connect(to: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = openConnection(to, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

function listen(): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => server.close(() => resolve()));
  });
}

function datagram(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', () => socket.close(() => resolve()));
  });
}

function allocate(): number {
  const held: Buffer[] = [];
  try {
    for (let index = 0; index < CHUNKS_MAX; index += 1) held.push(Buffer.alloc(CHUNK_BYTES, 1));
  } catch {
    // The refusal ends the measurement.
  }
  return held.length * CHUNK_BYTES;
}
