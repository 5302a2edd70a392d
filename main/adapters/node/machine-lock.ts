/**
 * The lock of shared/machine-lock.ts on a port of loopback. The agent that listens holds it and sends each connection its
 * user; an agent that waits keeps its connection, whose end shows that the lock is free. Another user's program can at most
 * hold the port and so make this agent wait, which the owner can turn off. If the port is used by something else, or can't
 * be used at all, the lock counts as held.
 */
import { createHash } from 'node:crypto';
import { createServer, connect as open, type Server, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import {
  GREETING_BYTES_MAX,
  greetingOf,
  MACHINE_LOCK_PORT,
  readGreeting,
} from '../../../shared/machine-lock.ts';
import type { Log } from '../../ports/log.ts';
import type { MachineLock, MachineLockState } from '../../ports/machine-lock.ts';

export interface MachineLockOptions {
  readonly log: Log;
  /** Others are for tests. */
  readonly port?: number;
  readonly user?: string;
}

/** More agents than one machine has; further connections are closed. */
const CONNECTIONS_MAX = 64;
/** An agent answers within milliseconds. */
const GREETING_MS_MAX = 1_000;
/** The holder may end between the two attempts; after so many, something else is wrong. */
const ATTEMPTS_MAX = 10;

export function createMachineLock(options: MachineLockOptions): MachineLock {
  const { log, port = MACHINE_LOCK_PORT, user = ownUser() } = options;
  const listeners = new Set<() => void>();
  let state: MachineLockState = 'free';
  /** Of the current wish; a later one makes the results of an earlier one void. */
  let wish = 0;
  let drop = () => {};

  function become(next: MachineLockState): void {
    if (state === next) return;
    state = next;
    for (const listener of [...listeners]) listener();
  }

  async function ask(mine: number): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX && mine === wish; attempt += 1) {
      const server = await listen(port, user);
      if (server === 'unusable') break;
      if (server !== 'in-use') return settle(mine, 'held', () => close(server));
      const holder = await greet(port);
      if (holder === 'unknown') break;
      if (holder === 'gone') continue;
      const next = holder.user === user ? 'held' : 'taken';
      if (next === 'taken' && mine === wish) log.info('Another user of this machine runs Idlewatt');
      holder.socket.once('close', () => {
        if (mine === wish) want(true);
      });
      return settle(mine, next, () => holder.socket.destroy());
    }
    if (mine !== wish) return;
    log.warn('Whether another user runs Idlewatt can’t be detected', { port });
    settle(mine, 'held', () => {});
  }

  function settle(mine: number, next: MachineLockState, end: () => void): void {
    if (mine !== wish) {
      end();
      return;
    }
    drop = end;
    become(next);
  }

  function want(again = false): void {
    if (state !== 'free' && !again) return;
    wish += 1;
    become('asking');
    void ask(wish);
  }

  return {
    state: () => state,
    want: () => want(),
    release() {
      if (state === 'free') return;
      wish += 1;
      drop();
      drop = () => {};
      become('free');
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Tells users apart without naming them. */
function ownUser(): string {
  const { uid, username } = userInfo();
  return createHash('sha256')
    .update(uid >= 0 ? `uid ${uid}` : `name ${username}`)
    .digest('hex')
    .slice(0, 16);
}

interface Listening {
  readonly server: Server;
  readonly sockets: ReadonlySet<Socket>;
}

function listen(port: number, user: string): Promise<Listening | 'in-use' | 'unusable'> {
  return new Promise((resolve) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.unref();
      socket.once('close', () => sockets.delete(socket));
      // Nobody has anything to send.
      socket.once('data', () => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.write(greetingOf(user));
    });
    server.maxConnections = CONNECTIONS_MAX;
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'EADDRINUSE' ? 'in-use' : 'unusable'),
    );
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => resolve({ server, sockets }));
  });
}

function close({ server, sockets }: Listening): void {
  server.close();
  for (const socket of sockets) socket.destroy();
}

/** `gone`: nobody listens any more. `unknown`: another program, or one that doesn't answer. */
function greet(
  port: number,
): Promise<{ readonly user: string; readonly socket: Socket } | 'gone' | 'unknown'> {
  return new Promise((resolve) => {
    const socket = open({ port, host: '127.0.0.1' });
    socket.unref();
    let text = '';
    const end = (result: 'gone' | 'unknown') => {
      clearTimeout(timer);
      socket.destroy();
      resolve(result);
    };
    const timer = setTimeout(() => end('unknown'), GREETING_MS_MAX);
    socket.on('error', ({ code }: NodeJS.ErrnoException) =>
      end(code === 'ECONNREFUSED' ? 'gone' : 'unknown'),
    );
    socket.once('close', () => end('unknown'));
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      const user = readGreeting(text);
      if (user === null && text.length < GREETING_BYTES_MAX) return;
      if (user === null) return end('unknown');
      clearTimeout(timer);
      // It is only waited on from now on.
      socket.removeAllListeners();
      socket.on('error', () => socket.destroy());
      socket.on('data', () => socket.destroy());
      resolve({ user, socket });
    });
  });
}
