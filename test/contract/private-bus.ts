/** Message bus for one test, with fake services whose replies the test sets. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Message, type MessageBus, MessageType, sessionBus, Variant } from '@jellybrick/dbus-next';
import { forceUnwrap } from '../../shared/assert.ts';

const CONFIGURATION = `<busconfig>
  <type>session</type>
  <listen>unix:dir=FOLDER</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>`;

export interface PrivateBus {
  readonly address: string;
  /** Adds a service to the bus. The answers may be changed while it runs; null hangs. */
  serve(name: string, answers: Answers): Promise<Service>;
  close(): Promise<void>;
}

type Answer = readonly [signature: string, ...body: unknown[]] | null;

/**
 * Answers by path and member (`GetAll` and `Get` by path and interface): signature and body, or a function that returns
 * them for a call.
 */
export type Answers = Map<string, Answer | ((question: Message) => Answer)>;

export interface SignalFrom {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

export interface Service {
  /** Keys of all calls so far. */
  readonly asked: readonly string[];
  /** Sends a signal to one client, by its bus name. */
  tell(client: string, from: SignalFrom, signature: string, body: unknown[]): void;
  close(): void;
}

export async function openPrivateBus(): Promise<PrivateBus> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-bus-'));
  const file = join(folder, 'bus.conf');
  writeFileSync(file, CONFIGURATION.replace('FOLDER', folder));
  const daemon: ChildProcess = spawn(
    'dbus-daemon',
    ['--config-file', file, '--nofork', '--print-address=1'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const [address] = await once(createInterface({ input: forceUnwrap('it is read', daemon.stdout) }), 'line');
  const services: MessageBus[] = [];
  return {
    address: String(address),
    async serve(name, answers) {
      const bus = sessionBus({ busAddress: String(address) });
      services.push(bus);
      const asked: string[] = [];
      let closing = false;
      bus.addMethodHandler((message: Message) => {
        // A service that is closing can't reply any more.
        if (closing) return true;
        if (message.type !== MessageType.METHOD_CALL) return false;
        const isProperties = message.interface === 'org.freedesktop.DBus.Properties';
        const what = isProperties ? String(message.body[0]) : message.member;
        const key = `${message.path} ${what}`;
        asked.push(key);
        const found = answers.get(key);
        const answer = typeof found === 'function' ? found(message) : found;
        if (answer === null) return true;
        if (answer === undefined) return false;
        const [signature, ...body] = answer;
        bus.send(Message.newMethodReturn(message, signature, body));
        return true;
      });
      await bus.requestName(name);
      return {
        asked,
        tell(client, from, signature, body) {
          bus.send(new Message({ type: MessageType.SIGNAL, destination: client, ...from, signature, body }));
        },
        close() {
          closing = true;
          bus.disconnect();
        },
      };
    },
    async close() {
      for (const bus of services) bus.disconnect();
      const ended = once(daemon, 'exit');
      daemon.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Returns properties in the format of a reply to `GetAll`. */
export function variants(values: Readonly<Record<string, readonly [signature: string, value: unknown]>>) {
  const entries = Object.entries(values).map(([name, [signature, value]]) => [
    name,
    new Variant(signature, value),
  ]);
  return ['a{sv}', Object.fromEntries(entries)] as const;
}
