/** A message bus of the test's own, with services that say what the test lets them say. */
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
  /** Puts a service on the bus; the answers may be changed while it runs, and null hangs. */
  serve(name: string, answers: Answers): Promise<Service>;
  close(): Promise<void>;
}

type Answer = readonly [signature: string, ...body: unknown[]] | null;

/**
 * By path and member (`GetAll` and `Get` by path and interface), what is answered: signature and body, or what makes
 * them of the question.
 */
export type Answers = Map<string, Answer | ((question: Message) => Answer)>;

export interface SignalFrom {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

export interface Service {
  /** What was asked of it. */
  readonly asked: readonly string[];
  /** Sends a signal to one who asked, by the name that it asked with. */
  tell(whom: string, from: SignalFrom, signature: string, body: unknown[]): void;
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
        // What still arrives on a service that is closing cannot be answered.
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
        tell(whom, from, signature, body) {
          bus.send(new Message({ type: MessageType.SIGNAL, destination: whom, ...from, signature, body }));
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

/** Properties as `GetAll` sends them. */
export function variants(values: Readonly<Record<string, readonly [signature: string, value: unknown]>>) {
  const entries = Object.entries(values).map(([name, [signature, value]]) => [
    name,
    new Variant(signature, value),
  ]);
  return ['a{sv}', Object.fromEntries(entries)] as const;
}
