/**
 * Verifies: machines behind routers find each other without anybody who names them, and reach each other over relays, also
 * while relays, bootstrap nodes and connections fail.
 * Setup: real processes in network namespaces with masquerading routers that drop what strangers send, and 25 ms each way
 * between a router and the public bridge. Provider and buyer are at home behind different ones, public nodes are not. Their
 * offers and HTTP are those of agents; in place of an engine, a service sends numbered events. A buyer asks again after a
 * silence, as the gateway does. One answer lasts as long as the file: its provider's only relay gives places of 36 s, which
 * libp2p renews every 30 s. One router forwards ports on request (miniupnpd), one forwards a port that its owner set.
 * Fails if: a machine needs an open port to sell, is reached over a relay although its router has one, or leaves one open; a
 * dead or silent relay or a dead bootstrap node ends more than the streams through it, a new request waits for a silent relay,
 * a machine stays lost after its network was away, neighbors behind one address shut each other out, a renewal cuts an answer,
 * or an event is lost or comes twice.
 * Lab: networks of many machines; a place at a relay is renewed three times.
 * Own process: the other files would wait for it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Host, type Lab, openLab } from '../lab/lab.ts';
import { type Machine, startMachine } from '../lab/market-machine.ts';
import type { FromPeer, LabPeer, ToPeer } from '../lab/market-messages.ts';

const ADDRESSES = {
  boot: '45.0.0.10',
  boot2: '45.0.0.11',
  relay: '45.0.0.20',
  relay2: '45.0.0.21',
  more1: '45.0.0.40',
} as const;
const ROUTERS = { nat2: '45.0.0.102', nat3: '45.0.0.103' } as const;
const PORT = '/tcp/4001';
const FORWARDED_PORT = 4_100;
/** The port that the strictest firewall lets through. */
const WEB_PORT = 443;
const WEB_SOCKET = `/tcp/${WEB_PORT}/ws`;
const DELAY_MS = 25;
/** libp2p renews a place 5 minutes before its end, but not within 30 s. */
const BRIEF_PLACE_MS = 36_000;
const RENEWED_THREE_TIMES_MS = 3 * 30_000 + 10_000;
const STEADY_EVERY_MS = 250;
const STEADY_EVENTS = RENEWED_THREE_TIMES_MS / STEADY_EVERY_MS;
/** The silence that a buyer waits for, the time until a connection is in doubt, and that until another one is open. */
const SILENT_RELAY_MS_MAX = 8_000;
/** Gossip and other parts of libp2p treat more than ten peers behind one address as an attack. */
const CROWD = 11;
/** Many processes start one after the other; the answer through three renewals takes 100 s. */
const SLOW_MS_MAX = 150_000;

function startPublic(
  host: keyof typeof ADDRESSES,
  role: LabPeer['role'],
  others: readonly Machine[],
  options: Partial<LabPeer> = {},
): Promise<Machine> {
  const ports = host === 'more1' ? [PORT, WEB_SOCKET] : [PORT];
  return startMachine(lab, host, {
    role,
    listen: ports.map((port) => `/ip4/0.0.0.0${port}`),
    announce: ports.map((port) => `/ip4/${ADDRESSES[host]}${port}`),
    bootstrap: others.map(({ address }) => address),
    ...options,
  });
}

function start(
  host: Host,
  role: LabPeer['role'],
  others: readonly Machine[],
  options: Partial<LabPeer> = {},
): Promise<Machine> {
  const bootstrap = others.map(({ address }) => address);
  const listen = ['/ip4/0.0.0.0/tcp/0'];
  return startMachine(lab, host, { role, listen, announce: [], bootstrap, ...options });
}

let purchases = 0;

type Bought = Extract<FromPeer, { type: 'bought' }>;
type Purchase = Omit<Extract<ToPeer, { type: 'buy' }>, 'type' | 'id'>;

/** Buys an answer; `during` runs once some of it has arrived. */
async function buy(buyer: Machine, purchase: Purchase, during?: () => unknown): Promise<Bought> {
  purchases += 1;
  const id = purchases;
  buyer.send({ type: 'buy', id, ...purchase });
  if (during !== undefined) {
    await buyer.until('progress', (message) => message.id === id && message.events > 60);
    await during();
  }
  return buyer.until('bought', (message) => message.id === id);
}

/** Has a buyer that doesn't know the provider find it. */
async function seek({ peer }: Machine): Promise<void> {
  const since = newcomer.heard();
  newcomer.send({ type: 'seek', peer });
  await newcomer.until('found', undefined, since);
}

/** Buys until the router is the only way: the record that was found may be older than the open port. */
async function buyThrough(router: string, { peer }: Machine): Promise<void> {
  await until(async () => {
    const bought = await buy(newcomer, { peer, events: 20 });
    assertWhole(bought, 20);
    assert.deepEqual(bought.ways, [router]);
  });
}

async function until(succeeds: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await succeeds();
      return;
    } catch (error) {
      if (tries > 60) throw error;
      await sleep(500);
    }
  }
}

function assertWhole({ seen }: Bought, events: number): void {
  assert.deepEqual(seen, [...Array(events).keys()]);
}

let lab: Lab;
let nodes: Readonly<Record<keyof typeof ADDRESSES, Machine>>;
let provider: Machine;
let buyer: Machine;
let newcomer: Machine;
let steadyPeer: string;
let steady: Promise<Bought>;
/** The relay of the latest answer, by its name in {@link ADDRESSES}. */
let used: 'relay' | 'relay2';

const other = (relay: typeof used) => (relay === 'relay' ? 'relay2' : 'relay');
function noteUsed({ ways }: Bought): void {
  const last = ways.at(-1);
  assert.ok(last === ADDRESSES.relay || last === ADDRESSES.relay2, ways.join());
  used = last === ADDRESSES.relay ? 'relay' : 'relay2';
}

before(setUp, { timeout: SLOW_MS_MAX });
after(() => lab.close());

async function setUp(): Promise<void> {
  lab = await openLab({ delayMs: DELAY_MS });
  await lab.run('add', 'more1', ADDRESSES.more1);
  const boot = await startPublic('boot', 'bootstrap', []);
  const [boot2, relay, relay2, more1] = await Promise.all([
    startPublic('boot2', 'bootstrap', [boot]),
    startPublic('relay', 'relay', [boot]),
    startPublic('relay2', 'relay', [boot]),
    startPublic('more1', 'relay', [boot], { placeMs: BRIEF_PLACE_MS }),
  ]);
  nodes = { boot, boot2, relay, relay2, more1 };
  const steadyProvider = await start('p', 'provider', [more1, boot]);
  [provider, buyer] = await Promise.all([
    start('p', 'provider', [relay, relay2, boot, boot2]),
    start('r', 'buyer', [boot, boot2]),
  ]);
  await steadyProvider.until('announced', ({ taken }) => taken > 0);
  await provider.until('reach', ({ reach }) => reach === 'relayed');
  await provider.until('announced', ({ taken }) => taken > 0);
  buyer.send({ type: 'find', count: 2 });
  const found = await buyer.until('found');
  assert.deepEqual(new Set(found.peers), new Set([provider.peer, steadyProvider.peer]));
  steadyPeer = steadyProvider.peer;
  // Found in the market, the provider could be reached over the other relays, too.
  const patient = await start('pub', 'buyer', [more1]);
  steady = buy(patient, {
    peer: steadyProvider.peer,
    address: `${more1.address}/p2p-circuit/p2p/${steadyProvider.peer}`,
    events: STEADY_EVENTS,
    everyMs: STEADY_EVERY_MS,
    silenceMsMax: 20_000,
  });
  // The last test reports its failure.
  steady.catch(() => undefined);
}

test('finds a provider behind a router that nobody named, and streams an answer over a relay', {
  timeout: SLOW_MS_MAX,
}, async () => {
  const bought = await buy(buyer, { peer: provider.peer, events: 50 });
  assertWhole(bought, 50);
  assert.equal(bought.interruptions, 0);
  noteUsed(bought);
});

test('streams an answer while one packet in twenty is lost at each router', async () => {
  await lab.run('loss', '5');
  const bought = await buy(buyer, { peer: provider.peer, events: 100 });
  await lab.run('loss', '0');
  assertWhole(bought, 100);
  noteUsed(bought);
});

test('gets the rest of an answer over the second relay when the first one falls silent', async () => {
  const since = buyer.heard();
  const bought = await buy(buyer, { peer: provider.peer, events: 200 }, () => lab.run('cut', used));
  assertWhole(bought, 200);
  assert.ok(bought.interruptions > 0);
  assert.ok(bought.longestGapMs < SILENT_RELAY_MS_MAX, `${bought.longestGapMs} ms`);
  const silent = used;
  used = other(silent);
  await buyer.until('way', ({ peer, way }) => peer === provider.peer && way === ADDRESSES[used], since);
  await lab.run('mend', silent);
});

test('gets the rest of an answer over the second relay when the first one dies', async () => {
  const bought = await buy(buyer, { peer: provider.peer, events: 200 }, () => nodes[used].kill());
  assertWhole(bought, 200);
  assert.ok(bought.interruptions > 0);
  used = other(used);
  assert.deepEqual(bought.ways, [ADDRESSES[other(used)], ADDRESSES[used]]);
});

test('finds the provider although a bootstrap node died', async () => {
  nodes.boot.kill();
  newcomer = await start('pub', 'buyer', [nodes.boot, nodes.boot2]);
  newcomer.send({ type: 'find', count: 1 });
  const { peers } = await newcomer.until('found');
  assert.ok(peers.includes(provider.peer) || peers.includes(steadyPeer), peers.join());
});

test('changes from a relay to the port that a router opens, until it is closed again', {
  timeout: SLOW_MS_MAX,
}, async () => {
  await lab.run('open', 'nat2');
  const open = await start('r', 'provider', [nodes.boot2, nodes.more1]);
  await open.until('announced', ({ taken }) => taken > 0);
  await seek(open);
  const relayed = await buy(newcomer, { peer: open.peer, events: 20 });
  assert.notDeepEqual(relayed.ways, [ROUTERS.nat2]);
  open.send({ type: 'open-port', isAllowed: true });
  await open.until('reach', ({ reach }) => reach === 'direct');
  await buyThrough(ROUTERS.nat2, open);
  await assert.rejects(lab.run('closed', 'nat2'), 'the router has no rule');
  const since = open.heard();
  open.send({ type: 'open-port', isAllowed: false });
  await open.until('reach', ({ reach }) => reach === 'relayed', since);
  await until(() => lab.run('closed', 'nat2'));
  open.kill();
});

test('reaches a provider directly whose owner has the router forward a port', {
  timeout: SLOW_MS_MAX,
}, async () => {
  await lab.run('forward', 'nat3', String(FORWARDED_PORT));
  const forwarding = await start('q', 'provider', [nodes.boot2, nodes.more1], {
    listen: [`/ip4/0.0.0.0/tcp/${FORWARDED_PORT}`],
    forwardedPort: FORWARDED_PORT,
  });
  await forwarding.until('reach', ({ reach }) => reach === 'direct');
  await seek(forwarding);
  await buyThrough(ROUTERS.nat3, forwarding);
  forwarding.kill();
});

test('reaches more than ten providers behind one address', { timeout: SLOW_MS_MAX }, async () => {
  const { more1 } = nodes;
  const crowd = await start('q', 'crowd', [more1], { count: CROWD });
  const reached = new Set<string>();
  await crowd.until('reach', ({ peer, reach }) => {
    if (reach === 'relayed') reached.add(peer);
    return reached.size === CROWD;
  });
  for (const peer of reached) {
    const address = `${more1.address}/p2p-circuit/p2p/${peer}`;
    assertWhole(await buy(newcomer, { peer, address, events: 10 }), 10);
  }
  crowd.kill();
});

test('reaches a provider again whose network was away', { timeout: SLOW_MS_MAX }, async () => {
  const { more1, boot2 } = nodes;
  const away = await start('q', 'provider', [nodes[used], more1, boot2], { pingIntervalMs: 3_000 });
  await away.until('reach', ({ reach }) => reach === 'relayed');
  const address = `${more1.address}/p2p-circuit/p2p/${away.peer}`;
  assertWhole(await buy(newcomer, { peer: away.peer, address, events: 10 }), 10);
  const since = away.heard();
  await lab.run('loss', '100', 'nat3');
  await away.until('reach', ({ reach }) => reach === 'none', since);
  const back = away.heard();
  await lab.run('loss', '0', 'nat3');
  await away.until('reach', ({ reach }) => reach === 'relayed', back);
  const bought = await buy(newcomer, { peer: away.peer, address, events: 10 });
  assertWhole(bought, 10);
  away.kill();
});

test('reaches a provider whose firewall lets nothing but WebSocket out', async () => {
  await lab.run('wall', 'nat3', String(WEB_PORT));
  const { address, peer: relay } = nodes.more1;
  const bootstrap = [`/ip4/${ADDRESSES.more1}${WEB_SOCKET}/p2p/${relay}`];
  const walled = await start('q', 'provider', [], { bootstrap });
  await walled.until('reach', ({ reach }) => reach === 'relayed');
  const way = `${address}/p2p-circuit/p2p/${walled.peer}`;
  const bought = await buy(newcomer, { peer: walled.peer, address: way, events: 50 });
  assertWhole(bought, 50);
  assert.equal(bought.interruptions, 0);
});

test('streams one answer through three renewals of a place', { timeout: SLOW_MS_MAX }, async () => {
  const bought = await steady;
  assertWhole(bought, STEADY_EVENTS);
  assert.deepEqual([bought.interruptions, bought.ways], [0, [ADDRESSES.more1]]);
});
