/**
 * Verifies: two machines that have IPv6 alone find each other, and the provider is reached directly at an address that public
 * nodes have tested.
 * Setup: real processes in network namespaces with IPv6 addresses and no IPv4 ones: two public nodes, a provider and a buyer,
 * whose offers and HTTP are those of agents. Nobody names the provider's address.
 * Fails if: IPv6 addresses aren't tested, announced or dialed, or the answer comes over a relay.
 * Lab: a network of machines.
 * Own process: the other files would wait for it.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Host, type Lab, openLab } from '../lab/lab.ts';
import { type Machine, startMachine } from '../lab/market-machine.ts';
import type { LabPeer } from '../lab/market-messages.ts';

const ADDRESSES = {
  more1: '2a00:1:1::10',
  more2: '2a00:1:2::10',
  more3: '2a00:1:3::10',
  more4: '2a00:1:4::10',
} as const satisfies Partial<Record<Host, string>>;
const EVENTS = 20;

let lab: Lab;

before(async () => {
  lab = await openLab();
  for (const [host, address] of Object.entries(ADDRESSES)) await lab.run('six', host, address);
});

after(() => lab.close());

function start(
  host: keyof typeof ADDRESSES,
  role: LabPeer['role'],
  others: readonly Machine[],
): Promise<Machine> {
  const isPublic = role === 'relay';
  return startMachine(lab, host, {
    ...{ role, bootstrap: others.map(({ address }) => address) },
    listen: [`/ip6/::/tcp/${isPublic ? 4_001 : 0}`],
    announce: isPublic ? [`/ip6/${ADDRESSES[host]}/tcp/4001`] : [],
  });
}

// Four processes start one after the other on a machine that does other work.
test('a provider with IPv6 alone is found and reached directly', { timeout: 120_000 }, async () => {
  const first = await start('more1', 'relay', []);
  const nodes = [first, await start('more2', 'relay', [first])];
  const provider = await start('more3', 'provider', nodes);
  const { tested } = await provider.until('reach', ({ reach }) => reach === 'direct');
  assert.deepEqual(
    tested.map(({ address, kind, result }) => [address.split('/')[2], kind, result]),
    [[ADDRESSES.more3, 'own', 'reached']],
  );
  const buyer = await start('more4', 'buyer', nodes);
  buyer.send({ type: 'seek', peer: provider.peer });
  await buyer.until('found');
  buyer.send({ type: 'buy', id: 1, peer: provider.peer, events: EVENTS });
  const { seen, ways } = await buyer.until('bought');
  assert.deepEqual(seen, [...Array(EVENTS).keys()]);
  assert.equal(ways.at(-1), ADDRESSES.more3);
});
