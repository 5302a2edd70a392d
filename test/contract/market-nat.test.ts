/**
 * Verifies: machines behind routers find each other without anybody who names them, and reach each other over relays.
 * Setup: real processes in network namespaces with two masquerading routers that drop what strangers send; provider and
 * buyer are at home behind different ones, public nodes are not. Their offers and HTTP are those of agents; in place of an
 * engine, a service sends numbered events.
 * Fails if: a machine needs an open port to sell, a dead relay or bootstrap node ends more than the streams through it, or an
 * event is lost or comes twice.
 * Quiet: an interruption is noticed by timers of libp2p.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Host, type Lab, openLab } from '../lab/lab.ts';
import type { FromPeer, ToPeer } from '../lab/market-messages.ts';

const PROGRAM = join(import.meta.dirname, '../lab/market-peer.ts');
const ADDRESSES = { boot: '45.0.0.10', boot2: '45.0.0.11', relay: '45.0.0.20', relay2: '45.0.0.21' } as const;
let lab: Lab;

interface Machine {
  readonly peer: string;
  readonly address: string;
  send(message: ToPeer): void;
  /** Resolves with the first message that fits, among all so far and those to come. */
  until<Type extends FromPeer['type']>(
    type: Type,
    fits?: (message: Extract<FromPeer, { type: Type }>) => boolean,
  ): Promise<Extract<FromPeer, { type: Type }>>;
  kill(): void;
}

async function start(host: Host, role: string, others: readonly Machine[]): Promise<Machine> {
  const own = host in ADDRESSES ? ADDRESSES[host as keyof typeof ADDRESSES] : '';
  const child = lab.start(host, PROGRAM, [role, own, ...others.map(({ address }) => address)]);
  const messages: FromPeer[] = [];
  const waiting = new Set<() => void>();
  child.on('message', (message: FromPeer) => {
    messages.push(message);
    for (const check of waiting) check();
  });
  const until: Machine['until'] = (type, fits = () => true) =>
    new Promise((resolve, reject) => {
      const ended = () => reject(new Error(`${host} ended before it reported: ${type}`));
      child.once('exit', ended);
      const check = () => {
        const found = messages.find((message) => message.type === type && fits(message as never));
        if (found === undefined) return;
        waiting.delete(check);
        child.off('exit', ended);
        resolve(found as never);
      };
      waiting.add(check);
      check();
    });
  const up = await until('up');
  return {
    peer: up.peer,
    address: up.addresses[0] ?? '',
    send: (message) => void child.send(message),
    until,
    kill: () => void child.kill('SIGKILL'),
  };
}

describe('market behind routers', () => {
  let nodes: Readonly<Record<keyof typeof ADDRESSES, Machine>>;
  let provider: Machine;
  let buyer: Machine;

  before(async () => {
    lab = await openLab();
    const boot = await start('boot', 'bootstrap', []);
    const [boot2, relay, relay2] = await Promise.all([
      start('boot2', 'bootstrap', [boot]),
      start('relay', 'relay', [boot]),
      start('relay2', 'relay', [boot]),
    ]);
    nodes = { boot, boot2, relay, relay2 };
    [provider, buyer] = await Promise.all([
      start('p', 'provider', Object.values(nodes)),
      start('r', 'buyer', [boot, boot2]),
    ]);
  });
  after(() => lab.close());

  it('finds a provider behind a router that nobody named, and gets its signed offer', async () => {
    await provider.until('reach', ({ reach }) => reach === 'relayed');
    await provider.until('announced', ({ taken }) => taken > 0);
    buyer.send({ type: 'find' });
    assert.deepEqual((await buyer.until('found')).peers, [provider.peer]);
  });

  it('streams an answer between two routers over a relay', async () => {
    buyer.send({ type: 'buy', peer: provider.peer, events: 50 });
    const bought = await buyer.until('bought');
    assert.deepEqual(bought.seen, [...Array(50).keys()]);
    assert.equal(bought.interruptions, 0);
    assert.ok(isRelay(bought.ways[0]), bought.ways.join());
  });

  it('gets the rest of an answer over the second relay when the first one dies', async () => {
    const events = 200;
    const before = (await buyer.until('bought')).ways[0] ?? '';
    const first = before === ADDRESSES.relay ? nodes.relay : nodes.relay2;
    buyer.send({ type: 'buy', peer: provider.peer, events });
    await buyer.until('progress', (message) => message.events > 60);
    first.kill();
    const bought = await buyer.until('bought', ({ seen }) => seen.length === events);
    assert.deepEqual(bought.seen, [...Array(events).keys()]);
    assert.equal(bought.interruptions > 0, true);
    assert.deepEqual(bought.ways.map(isRelay), [true, true]);
    assert.notEqual(bought.ways[0], bought.ways[1]);
  });

  it('finds the provider although a bootstrap node died', async () => {
    nodes.boot.kill();
    const newcomer = await start('pub', 'buyer', [nodes.boot, nodes.boot2]);
    newcomer.send({ type: 'find' });
    assert.deepEqual((await newcomer.until('found')).peers, [provider.peer]);
  });
});

function isRelay(address: string | undefined): boolean {
  return address === ADDRESSES.relay || address === ADDRESSES.relay2;
}
