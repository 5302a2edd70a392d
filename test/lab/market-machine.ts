/** Starts the machines of the market's lab, and waits for what they report. */
import { join } from 'node:path';
import type { Host, Lab } from './lab.ts';
import type { FromPeer, LabPeer, ToPeer } from './market-messages.ts';

const PROGRAM = join(import.meta.dirname, 'market-peer.ts');

export interface Machine {
  readonly peer: string;
  readonly address: string;
  send(message: ToPeer): void;
  /** Number of messages so far. */
  heard(): number;
  /** All messages of a type, from the numbered one on. */
  all<Type extends FromPeer['type']>(
    type: Type,
    since?: number,
  ): readonly Extract<FromPeer, { type: Type }>[];
  /** Resolves with the first message that fits, among those from the numbered one on and those to come. */
  until<Type extends FromPeer['type']>(
    type: Type,
    fits?: (message: Extract<FromPeer, { type: Type }>) => boolean,
    since?: number,
  ): Promise<Extract<FromPeer, { type: Type }>>;
  kill(): void;
}

export async function startMachine(lab: Lab, host: Host, options: LabPeer): Promise<Machine> {
  const child = lab.start(host, PROGRAM, [JSON.stringify(options)]);
  child.setMaxListeners(0);
  const messages: FromPeer[] = [];
  const waiting = new Set<() => void>();
  child.on('message', (message: FromPeer) => {
    messages.push(message);
    for (const check of waiting) check();
  });
  const all: Machine['all'] = (type, since = 0) =>
    messages.slice(since).filter((message) => message.type === type) as never;
  const until: Machine['until'] = (type, fits = () => true, since = 0) =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`${host} ended before it reported: ${type}`));
      child.once('exit', ended);
      const check = () => {
        const found = all(type, since).find(fits);
        if (found === undefined) return;
        waiting.delete(check);
        child.off('exit', ended);
        resolve(found);
      };
      waiting.add(check);
      check();
    });
  const up = await until('up');
  return {
    peer: up.peer,
    address: up.addresses[0] ?? '',
    send: (message) => void child.send(message),
    heard: () => messages.length,
    all,
    until,
    kill: () => void child.kill('SIGKILL'),
  };
}
