/** Two machines of the market that meet through nodes of the public DHT as go-libp2p runs them. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { rendezvousKey } from '../../main/core/network/index.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { type MeetingMachine, openMeetingMachine } from '../contract/meeting-machine.ts';
import type { ClientCase } from './clients.ts';

export const PUBLIC_DHT: ClientCase = {
  script: 'public-dht',
  name: 'go-libp2p-kad-dht (nodes of the public DHT)',
  language: 'go',
  packages: ['github.com/libp2p/go-libp2p-kad-dht@v0.42.2'],
  without: {},
};

const STEP_MS_MAX = 60_000;

/** One line of the program. */
interface Line {
  readonly addresses?: readonly string[];
  /** Peer that provides the key from the start. */
  readonly provider?: string;
  /** Peer that the nodes found under the key. */
  readonly found?: string;
  readonly failed?: string;
}

/** Resolves to `ok` or a reason for each ability; `program`: the nodes, built. */
export async function meetInGo(program: string): Promise<Readonly<Record<string, string>>> {
  const nodes = spawn(program, [rendezvousKey], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines: Line[] = [];
  createInterface({ input: nodes.stdout }).on('line', (line) => lines.push(JSON.parse(line) as Line));
  const machines: MeetingMachine[] = [];
  try {
    await until(() => lines.some(({ addresses, failed }) => addresses ?? failed));
    const addresses = lines.flatMap((line) => line.addresses ?? []);
    const { provider } = forceUnwrap(
      'the nodes name their provider',
      lines.find((line) => line.provider !== undefined),
    );
    const first = await openMeetingMachine(addresses);
    machines.push(first);
    const { peer } = first.network.key;
    const provided = await ability(() => lines.some(({ found }) => found === peer));
    const second = await openMeetingMachine(addresses);
    machines.push(second);
    return {
      'found by Go nodes': provided,
      'found another machine': await ability(() => second.isConnectedTo(peer)),
      'found a peer of Go': await ability(() => provider !== undefined && second.isConnectedTo(provider)),
    };
  } finally {
    for (const machine of machines) await machine.close();
    nodes.stdin.end();
  }
}

async function ability(isDone: () => boolean): Promise<string> {
  try {
    await until(isDone);
    return 'ok';
  } catch (error) {
    return String(error);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + STEP_MS_MAX;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('did not happen in time');
    await sleep(50);
  }
}
