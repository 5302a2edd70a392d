/**
 * Time to the first token over a relay and over a direct connection, both kept open: real libp2p in network namespaces, a
 * buyer behind one router and two providers behind others, one of which forwards a port. Each packet takes 25 ms between a
 * router and the public bridge, so that both providers are equally far away. In place of an engine, a service sends events.
 */
import { median } from '../../shared/statistics.ts';
import { type Lab, openLab } from '../../test/lab/lab.ts';
import { type Machine, startMachine } from '../../test/lab/market-machine.ts';
import { atMost, type BenchResult, progress } from './result.ts';

const DELAY_MS = 25;
/** From home to home, by way of both routers. */
const ROUND_TRIP_MS = 4 * DELAY_MS;
const PURCHASES = 30;
/** Half a minute or more. */
const WARM_UP_PURCHASES_MAX = 100;
/** Until the first event, like an engine that reads a prompt. */
const FIRST_EVENT_MS = 200;
const RELAY_FACTOR_MAX = 1.3;
const RELAY_ROUND_TRIPS_MAX = 2;
const HOME = ['/ip4/0.0.0.0/tcp/0'];
const FORWARDED_PORT = 4_100;
const ROUTER_OF_DIRECT = '45.0.0.103';
const PUBLIC = { boot: '45.0.0.10', boot2: '45.0.0.11', relay: '45.0.0.20' } as const;
const PORT = '/tcp/4001';

export async function run(): Promise<BenchResult> {
  if (process.platform !== 'linux') {
    return { figures: {}, goals: {}, notes: ['relay: only on Linux, in network namespaces'] };
  }
  const lab = await openLab({ delayMs: DELAY_MS });
  try {
    return await measure(lab);
  } finally {
    await lab.close();
  }
}

async function measure(lab: Lab): Promise<BenchResult> {
  progress('Starting a relay, two providers and a buyer.');
  const { buyer, relayed, direct } = await openMarket(lab);
  await warmUp(buyer, relayed, PUBLIC.relay);
  await warmUp(buyer, direct, ROUTER_OF_DIRECT);
  const overRelay: number[] = [];
  const withoutRelay: number[] = [];
  for (let purchase = 0; purchase < PURCHASES; purchase += 1) {
    overRelay.push(await firstEventMs(buyer, relayed, PUBLIC.relay));
    withoutRelay.push(await firstEventMs(buyer, direct, ROUTER_OF_DIRECT));
  }
  const relayFirstTokenP50Ms = median(overRelay) ?? Number.NaN;
  const directFirstTokenP50Ms = median(withoutRelay) ?? Number.NaN;
  progress(`over a relay ${relayFirstTokenP50Ms} ms, directly ${directFirstTokenP50Ms} ms`);
  const mostMs = RELAY_FACTOR_MAX * directFirstTokenP50Ms + RELAY_ROUND_TRIPS_MAX * ROUND_TRIP_MS;
  return {
    figures: { relayFirstTokenP50Ms, directFirstTokenP50Ms, relayFirstTokenMaxMs: Math.max(...overRelay) },
    goals: { relayFirstTokenP50Ms: atMost(relayFirstTokenP50Ms, mostMs) },
    notes: [
      `relay: ${PURCHASES} answers each way on open streams, round trip ${ROUND_TRIP_MS} ms; the provider sends its first event after ${FIRST_EVENT_MS} ms; no payment`,
    ],
  };
}

function startPublic(
  lab: Lab,
  host: keyof typeof PUBLIC,
  role: 'bootstrap' | 'relay',
  others: readonly Machine[],
): Promise<Machine> {
  return startMachine(lab, host, {
    ...{ role, listen: [`/ip4/0.0.0.0${PORT}`], announce: [`/ip4/${PUBLIC[host]}${PORT}`] },
    bootstrap: others.map(({ address }) => address),
  });
}

async function openMarket(lab: Lab) {
  const boot = await startPublic(lab, 'boot', 'bootstrap', []);
  // Several nodes have to reach a forwarded port before it is announced.
  const [boot2, relay] = await Promise.all([
    startPublic(lab, 'boot2', 'bootstrap', [boot]),
    startPublic(lab, 'relay', 'relay', [boot]),
  ]);
  const common = { announce: [], bootstrap: [boot, boot2, relay].map(({ address }) => address) };
  await lab.run('forward', 'nat3', String(FORWARDED_PORT));
  const [relayed, direct, buyer] = await Promise.all([
    startMachine(lab, 'p', { ...common, role: 'provider', listen: HOME }),
    startMachine(lab, 'q', {
      ...{ ...common, role: 'provider', listen: [`/ip4/0.0.0.0/tcp/${FORWARDED_PORT}`] },
      forwardedPort: FORWARDED_PORT,
    }),
    startMachine(lab, 'r', { ...common, role: 'buyer', listen: HOME }),
  ]);
  await relayed.until('reach', ({ reach }) => reach === 'relayed');
  await direct.until('reach', ({ reach }) => reach === 'direct');
  for (const provider of [relayed, direct]) await provider.until('announced', ({ taken }) => taken > 0);
  buyer.send({ type: 'find', count: 2 });
  await buyer.until('found');
  return { buyer, relayed, direct };
}

let purchases = 0;

/** Opens connection and stream: a provider that was found over a relay is reached directly a moment later. */
async function warmUp(buyer: Machine, provider: Machine, way: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await firstEventMs(buyer, provider, way);
      return;
    } catch (error) {
      if (tries === WARM_UP_PURCHASES_MAX) throw error;
    }
  }
}

/** Buys an answer of one event, and fails unless it came over this public address alone. */
async function firstEventMs(buyer: Machine, { peer }: Machine, way: string): Promise<number> {
  purchases += 1;
  const id = purchases;
  buyer.send({ type: 'buy', id, peer, events: 1, everyMs: FIRST_EVENT_MS });
  const bought = await buyer.until('bought', (message) => message.id === id);
  if (bought.firstEventMs === null || bought.interruptions > 0 || bought.ways.join() !== way)
    throw new Error(
      `The answer came over ${bought.ways.join()}, with ${bought.interruptions} interruptions.`,
    );
  return bought.firstEventMs;
}
