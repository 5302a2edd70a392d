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
  type PracticeProvider,
  type ToAgent,
  toAgentSchema,
} from '../../shared/host.ts';
import type { StartupStep } from '../../shared/startup.ts';

/** The part of a port that the API needs. Electron's MessagePortMain has this shape, and so has a relayed port. */
export interface ApiPort {
  on(event: string, listener: (event?: { data: unknown }) => void): void;
  postMessage(data: unknown): void;
}

export interface DesktopHostOptions {
  readonly ready: AgentReady;
  readonly attach: (port: ApiPort, role: PortRole) => void;
}

/** Electron's `process.parentPort`, which Node's types don't have. */
interface ParentPort {
  on(
    event: 'message',
    listener: (event: { data: unknown; ports: (ApiPort & { start(): void })[] }) => void,
  ): void;
  postMessage(message: FromAgent): void;
}

/**
 * Receives the wallet's passphrase, which is in the shell's first message. Resolves with null where the agent finds the
 * passphrase itself. The shell may stop the agent at any time, even before that. Its other messages are for
 * {@link serveDesktopHost}.
 */
export function receiveSecret(stop: () => void): Promise<string | null> {
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  return new Promise((resolve) => {
    const take = (raw: unknown) => {
      if (!isFirstOrStop(raw)) return;
      const message = toAgentSchema.parse(raw);
      if (message.type === 'stop') stop();
      if (message.type === 'secret') resolve(message.passphrase);
    };
    if (parentPort) parentPort.on('message', ({ data }) => take(data));
    else process.on('message', take);
  });
}

/** Receives what a practice requester needs of its provider: it loads its code before the provider is up. */
export function receiveProvider(): Promise<PracticeProvider> {
  return new Promise((resolve) => {
    process.on('message', (raw) => {
      const message = toAgentSchema.parse(raw);
      if (message.type === 'provider') resolve(message);
    });
  });
}

/** Relayed messages of pages are many, and are read only once. */
function isFirstOrStop(raw: unknown): boolean {
  const { type } = Object(raw) as { readonly type?: unknown };
  return type !== 'data' && type !== 'connect' && type !== 'close';
}

export function serveDesktopHost(options: DesktopHostOptions): void {
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  if (parentPort) serveUtilityProcess(parentPort, options);
  else serveChildProcess(options);
}

/** Reports to the parent why there is no agent, so that it doesn't retry in vain. Call before exiting. */
export function reportFailure(message: string, code: ErrorCode | null): Promise<void> {
  return tellParent({ type: 'failed', message, code });
}

/** Reports to the shell what the start does now. */
export function reportStep(step: StartupStep): void {
  void tellParent({ type: 'step', step });
}

async function tellParent(message: FromAgent): Promise<void> {
  const { parentPort } = process as NodeJS.Process & { parentPort?: ParentPort };
  if (parentPort) parentPort.postMessage(message);
  // The message is lost if the process exits before it is sent.
  else if (process.send) await new Promise((resolve) => process.send?.(message, resolve));
}

function serveUtilityProcess(parent: ParentPort, { ready, attach }: DesktopHostOptions): void {
  parent.on('message', ({ data, ports }) => {
    const message = toAgentSchema.parse(data);
    const [port] = ports;
    if (message.type === 'connect' && port) {
      attach(port, message.role);
      port.start();
    }
  });
  parent.postMessage({ type: 'ready', ready });
}

function serveChildProcess({ ready, attach }: DesktopHostOptions): void {
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
