/**
 * Connection to one message bus that may be absent, hang or go away: a call returns a reply or null within a bounded
 * time, and never starts a service that isn't running.
 */
import type { EventEmitter } from 'node:events';
import {
  DBusError,
  Message,
  type MessageBus,
  MessageFlag,
  MessageType,
  sessionBus,
} from '@jellybrick/dbus-next';
import type { Clock } from '../../ports/clock.ts';

export interface MethodCall {
  readonly name: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

/** An event that a service sends. */
export interface Signal {
  readonly path: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export interface BusConnection {
  /** Returns the first value of the reply; null if there is none. */
  call(call: MethodCall): Promise<unknown>;
  /** Calls the listener with each signal that is addressed to this connection, from any sender. */
  onSignal(listener: (signal: Signal) => void): void;
  close(): void;
}

/** Local services reply within a millisecond, or they hang. */
const REPLY_MS_MAX = 1_000;
const RECONNECT_MS = 10_000;
/** Retry delay after a rejected call: a missing service or method rarely appears sooner. */
const RETRY_REJECTED_MS = 60_000;
/** Retry delay after a timeout, so that the service may recover and delays no other poll until then. */
const RETRY_LATE_MS = 10_000;

/** `address` has the format of the D-Bus specification; null on a machine without this bus. */
export function connectBus(address: string | null, clock: Clock): BusConnection {
  let bus: MessageBus | null = null;
  let connectAtMs = Number.NEGATIVE_INFINITY;
  const skipUntilMs = new Map<string, number>();
  const listeners: ((signal: Signal) => void)[] = [];

  return {
    async call(call) {
      const key = `${call.name} ${call.path} ${call.member}`;
      const nowMs = clock.monotonic();
      if ((skipUntilMs.get(key) ?? 0) > nowMs) return null;
      const open = connect();
      if (open === null) return null;
      const reply = await replyInTime(open, call);
      if (reply.kind === 'value') return reply.value;
      if (reply.kind === 'lost') drop(open);
      else skipUntilMs.set(key, nowMs + (reply.kind === 'late' ? RETRY_LATE_MS : RETRY_REJECTED_MS));
      return null;
    },
    onSignal(listener) {
      listeners.push(listener);
    },
    close() {
      if (bus !== null) drop(bus);
      connectAtMs = Number.POSITIVE_INFINITY;
    },
  };

  function connect(): MessageBus | null {
    if (bus !== null || address === null || clock.monotonic() < connectAtMs) return bus;
    connectAtMs = clock.monotonic() + RECONNECT_MS;
    const opened = sessionBus({ busAddress: address });
    // An error without a listener would end the process. The next call finds the bus closed.
    const events: EventEmitter = opened;
    events.on('error', () => drop(opened));
    opened.on('message', ({ type, path, member, body }) => {
      if (type !== MessageType.SIGNAL) return;
      for (const listener of listeners) listener({ path: path ?? '', member: member ?? '', body });
    });
    bus = opened;
    return bus;
  }

  function drop(gone: MessageBus): void {
    if (bus === gone) {
      bus = null;
      skipUntilMs.clear();
    }
    gone.disconnect();
  }
}

type Reply =
  | { readonly kind: 'value'; readonly value: unknown }
  /** No service has this name, or it doesn't have this method. */
  | { readonly kind: 'rejected' }
  | { readonly kind: 'late' }
  /** The bus is gone. */
  | { readonly kind: 'lost' };

async function replyInTime(bus: MessageBus, call: MethodCall): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reply>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'late' }), REPLY_MS_MAX);
  });
  try {
    return await Promise.race([late, send(bus, call)]);
  } finally {
    clearTimeout(timer);
  }
}

async function send(bus: MessageBus, call: MethodCall): Promise<Reply> {
  try {
    const reply = await bus.call(
      new Message({
        destination: call.name,
        path: call.path,
        interface: call.interface,
        member: call.member,
        flags: MessageFlag.NO_AUTO_START,
        ...(call.signature === undefined ? {} : { signature: call.signature, body: [...(call.body ?? [])] }),
      }),
    );
    return { kind: 'value', value: reply?.body[0] ?? null };
  } catch (error) {
    return { kind: error instanceof DBusError ? 'rejected' : 'lost' };
  }
}
