/**
 * One message bus that may be absent, hang or go away: a question to it has an answer or null, within a bounded
 * time, and never starts a service that was not there.
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

export interface Question {
  readonly name: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
}

/** What a service tells us without being asked. */
export interface Signal {
  readonly path: string;
  readonly member: string;
  readonly body: readonly unknown[];
}

export interface BusConnection {
  /** The first value of the answer; null when there is none. */
  ask(question: Question): Promise<unknown>;
  /** Called with each signal that is sent to us alone, whoever sent it. */
  onSignal(listener: (signal: Signal) => void): void;
  close(): void;
}

/** Local services answer within a millisecond or hang. */
const ANSWER_MS_MAX = 1_000;
const CONNECT_AGAIN_MS = 10_000;
/** Whoever is not on the bus, or does not know the method, will hardly be so soon. */
const ASK_AGAIN_MS = 60_000;
/** Whoever did not answer in time holds up nobody else, and is asked again when it may have recovered. */
const ASK_LATE_AGAIN_MS = 10_000;

/** `address` as the D-Bus specification writes it; null is a machine without this bus. */
export function connectBus(address: string | null, clock: Clock): BusConnection {
  let bus: MessageBus | null = null;
  let connectAtMs = Number.NEGATIVE_INFINITY;
  const silentUntilMs = new Map<string, number>();
  const listeners: ((signal: Signal) => void)[] = [];

  return {
    async ask(question) {
      const asked = `${question.name} ${question.path} ${question.member}`;
      const nowMs = clock.monotonic();
      if ((silentUntilMs.get(asked) ?? 0) > nowMs) return null;
      const open = connect();
      if (open === null) return null;
      const answer = await answerOf(open, question);
      if (answer.kind === 'value') return answer.value;
      if (answer.kind === 'lost') drop(open);
      else silentUntilMs.set(asked, nowMs + (answer.kind === 'late' ? ASK_LATE_AGAIN_MS : ASK_AGAIN_MS));
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
    connectAtMs = clock.monotonic() + CONNECT_AGAIN_MS;
    const opened = sessionBus({ busAddress: address });
    // An error without a listener would end the process: the next question finds the bus closed.
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
      silentUntilMs.clear();
    }
    gone.disconnect();
  }
}

type Answer =
  | { readonly kind: 'value'; readonly value: unknown }
  /** Nobody has this name, or it does not know the question. */
  | { readonly kind: 'refused' }
  | { readonly kind: 'late' }
  /** The bus is gone. */
  | { readonly kind: 'lost' };

async function answerOf(bus: MessageBus, question: Question): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => resolve({ kind: 'late' }), ANSWER_MS_MAX);
  });
  try {
    return await Promise.race([late, call(bus, question)]);
  } finally {
    clearTimeout(timer);
  }
}

async function call(bus: MessageBus, question: Question): Promise<Answer> {
  try {
    const reply = await bus.call(
      new Message({
        destination: question.name,
        path: question.path,
        interface: question.interface,
        member: question.member,
        flags: MessageFlag.NO_AUTO_START,
        ...(question.signature === undefined
          ? {}
          : { signature: question.signature, body: [...(question.body ?? [])] }),
      }),
    );
    return { kind: 'value', value: reply?.body[0] ?? null };
  } catch (error) {
    return { kind: error instanceof DBusError ? 'refused' : 'lost' };
  }
}
