/**
 * The agent's side of the desktop shell: takes the ports that the shell hands over and serves the API on them. A utility
 * process gets real ports; a child process gets numbered ones, relayed over its IPC channel.
 */
import { EventEmitter } from 'node:events';
import type { ErrorCode } from '../../shared/errors.ts';
import {
  type AgentReady,
  type FromAgent,
  type PortRole,
  type ToAgent,
  toAgentSchema,
} from '../../shared/host.ts';

/** The part of a port that the API needs. Electron's MessagePortMain has this shape, and so has a relayed port. */
export interface ApiPort {
  on(event: string, listener: (event?: { data: unknown }) => void): void;
  postMessage(data: unknown): void;
}

export interface DesktopHostOptions {
  readonly ready: AgentReady;
  readonly attach: (port: ApiPort, role: PortRole) => void;
  readonly stop: () => void;
}

/** Electron's `process.parentPort`, which Node's types don't have. */
interface ParentPort {
  on(
    event: 'message',
    listener: (event: { data: unknown; ports: (ApiPort & { start(): void })[] }) => void,
  ): void;
  off(event: 'message', listener: (event: { data: unknown }) => void): void;
  postMessage(message: FromAgent): void;
}

/**
 * Receives the wallet's passphrase, which is in the shell's first message. Resolves with null where the agent finds the
 * passphrase itself. The shell's later messages are for {@link serveDesktopHost}.
 */
export function receiveSecret(): Promise<string | null> {
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  return new Promise((resolve) => {
    const take = (raw: unknown): boolean => {
      const message = toAgentSchema.parse(raw);
      // The shell may quit before the agent has started.
      if (message.type === 'stop') process.exit(0);
      if (message.type !== 'secret') return false;
      resolve(message.passphrase);
      return true;
    };
    if (parentPort) {
      const listen = ({ data }: { data: unknown }) => {
        if (take(data)) parentPort.off('message', listen);
      };
      parentPort.on('message', listen);
    } else {
      const listen = (raw: unknown) => {
        if (take(raw)) process.off('message', listen);
      };
      process.on('message', listen);
    }
  });
}

export function serveDesktopHost(options: DesktopHostOptions): void {
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  if (parentPort) serveUtilityProcess(parentPort, options);
  else serveChildProcess(options);
}

/** Reports to the parent why there is no agent, so that it doesn't retry in vain. Call before exiting. */
export async function reportFailure(message: string, code: ErrorCode | null): Promise<void> {
  const failed: FromAgent = { type: 'failed', message, code };
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  if (parentPort) parentPort.postMessage(failed);
  // The message is lost if the process exits before it is sent.
  else if (process.send) await new Promise((resolve) => process.send?.(failed, resolve));
}

function serveUtilityProcess(parent: ParentPort, { ready, attach, stop }: DesktopHostOptions): void {
  parent.on('message', ({ data, ports }) => {
    const message = toAgentSchema.parse(data);
    if (message.type === 'stop') stop();
    const [port] = ports;
    if (message.type === 'connect' && port) {
      attach(port, message.role);
      port.start();
    }
  });
  parent.postMessage({ type: 'ready', ready });
}

function serveChildProcess({ ready, attach, stop }: DesktopHostOptions): void {
  const ports = new Map<number, RelayedPort>();
  const send = (message: FromAgent) => process.send?.(message);
  process.on('message', (raw) => {
    const message: ToAgent = toAgentSchema.parse(raw);
    switch (message.type) {
      case 'connect': {
        const port = new RelayedPort(message.port, send);
        ports.set(message.port, port);
        attach(port, message.role);
        break;
      }
      case 'data':
        ports.get(message.port)?.emit('message', { data: message.data });
        break;
      case 'close':
        ports.get(message.port)?.emit('close');
        ports.delete(message.port);
        break;
      case 'stop':
        stop();
        break;
    }
  });
  send({ type: 'ready', ready });
}

/** The agent's end of a port whose other end is in the shell. */
class RelayedPort extends EventEmitter implements ApiPort {
  readonly #number: number;
  readonly #send: (message: FromAgent) => void;

  constructor(number: number, send: (message: FromAgent) => void) {
    super();
    this.#number = number;
    this.#send = send;
  }

  postMessage(data: unknown): void {
    this.#send({ type: 'data', port: this.#number, data });
  }
}
