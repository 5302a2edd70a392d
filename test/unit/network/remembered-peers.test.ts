/**
 * Verifies: a machine finds back into the market after a restart although the nodes that it was given are gone.
 * Setup: the memory alone with a store, a list of peers that the test changes, and a clock that the test moves.
 * Fails if: a peer that dialed this machine is dialed at a port where nothing listens, the memory grows without limit, or a
 * machine that is alone dials without a pause.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  REJOIN_DIALS_MAX,
  REMEMBERED_PEERS_MAX,
  rememberPeers,
} from '../../../main/core/network/remembered-peers.ts';
import type { PeerInfo } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));
const dialed = (peer: string): PeerInfo => ({
  peer,
  addresses: [`/ip4/45.0.0.1/tcp/4001/p2p/${peer}`],
  connected: true,
  dialed: true,
  source: 'address',
});

function setUp(records = createMemoryRecordStore(), isThere = false) {
  const clock = manualClock(1_700_000_000_000);
  const dials: { address: string; atMs: number }[] = [];
  let peers: readonly PeerInfo[] = [];
  let listener = () => {};
  const memory = rememberPeers({
    records,
    clock,
    log: createRecordingLog(),
    network: {
      peers: () => peers,
      onPeers(given) {
        listener = () => given(peers);
        return () => {};
      },
    },
    market: {
      async dial([address = '']) {
        dials.push({ address, atMs: clock.monotonic() });
        return isThere;
      },
    },
  });
  const show = (now: readonly PeerInfo[]) => {
    peers = now;
    listener();
  };
  const advance = async (durationMs: number) => {
    for (let ms = 0; ms < durationMs; ms += 1_000) {
      clock.advance(1_000);
      await settled();
    }
  };
  return { records, dials, show, advance, stop: memory.stop, count: memory.count, clock };
}

test('dials the peers of an earlier run when it starts', async () => {
  const first = setUp();
  first.show([dialed('one'), dialed('two')]);
  const second = setUp(first.records);
  await settled();
  assert.deepEqual(second.dials.map(({ address }) => address.split('/').at(-1)).sort(), ['one', 'two']);
});

test('remembers only peers that it dialed itself, at their own public address', async () => {
  const { dialed: _, ...inbound } = dialed('inbound');
  const relayed = { ...dialed('relayed'), addresses: ['/ip4/45.0.0.2/tcp/1/p2p/R/p2p-circuit/p2p/relayed'] };
  const first = setUp();
  first.show([
    inbound,
    relayed,
    { ...dialed('neighbor'), source: 'mdns' },
    { ...dialed('gone'), connected: false },
  ]);
  assert.deepEqual(first.records.list('market-peers'), []);
});

test('remembers a limited number, the last ones, and writes a known peer once a day', () => {
  const first = setUp();
  const many = Array.from({ length: REMEMBERED_PEERS_MAX + 20 }, (_, index) => dialed(`peer${index}`));
  for (const peer of many) first.show([peer]);
  const stored = first.records.list('market-peers').map(({ key }) => key);
  assert.equal(stored.length, REMEMBERED_PEERS_MAX);
  assert.ok(stored.includes('peer83') && !stored.includes('peer0'));
  const before = first.records.get('market-peers', 'peer83');
  first.clock.advance(60_000);
  first.show([dialed('peer83')]);
  assert.equal(first.records.get('market-peers', 'peer83'), before);
});

test('while it is alone it dials others each time, with pauses that grow', async () => {
  const first = setUp();
  first.show(Array.from({ length: 3 * REJOIN_DIALS_MAX }, (_, index) => dialed(`peer${index}`)));
  const second = setUp(first.records);
  await settled();
  await second.advance(80_000);
  const times = [...new Set(second.dials.map(({ atMs }) => atMs))];
  assert.deepEqual(times, [0, 5_000, 15_000, 35_000, 75_000]);
  assert.equal(new Set(second.dials.map(({ address }) => address)).size, 3 * REJOIN_DIALS_MAX);
});

test('dials nobody while somebody is connected, and ends when it is stopped', async () => {
  const first = setUp();
  first.show([dialed('one')]);
  await first.advance(20_000);
  assert.deepEqual(first.dials, []);
  first.show([]);
  first.stop();
  await first.advance(20_000);
  assert.deepEqual(first.dials, []);
});

test('deletes what it can’t read', () => {
  const records = createMemoryRecordStore();
  records.set('market-peers', 'one', '"nonsense"');
  records.set('market-peers', 'two', '{"address":7,"atMs":1}');
  setUp(records);
  assert.deepEqual(records.list('market-peers'), []);
});
