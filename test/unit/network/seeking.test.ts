/**
 * Verifies: records of strangers cost a buyer a limited number of dials and a limited time.
 * Setup: the search alone with a market of the test's records, on a clock that the test moves.
 * Fails if: poisoned records make a machine dial without end, a search outlasts its time, or an honest provider among many
 * dead ones is not reached.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createSeeking,
  DIALS_MAX,
  SEEK_MS_MAX,
  UNREACHABLE_MS_MAX,
  UNREACHABLE_MS_MIN,
} from '../../../main/core/network/seeking.ts';
import type { FoundProvider, PeerInfo } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const KEY = 'a'.repeat(64);
const record = (peer: string): FoundProvider => ({ peer, addresses: [`/ip4/45.0.0.1/tcp/1/p2p/${peer}`] });

function setUp(
  find: (signal: AbortSignal) => AsyncIterable<FoundProvider>,
  isThere: (peer: string) => boolean,
) {
  const clock = manualClock(0);
  const dialed: string[] = [];
  const peers: PeerInfo[] = [];
  let running = 0;
  const most = { dials: 0 };
  const seeking = createSeeking({
    clock,
    log: createRecordingLog(),
    network: { peers: () => peers },
    market: {
      find: (_key, signal) => find(signal),
      async dial(addresses) {
        const peer = addresses[0]?.split('/').at(-1) ?? '';
        dialed.push(peer);
        running += 1;
        most.dials = Math.max(most.dials, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        if (isThere(peer)) peers.push({ peer, addresses, connected: true, source: 'address' });
        return isThere(peer);
      },
    },
  });
  return { seeking, clock, dialed, peers, most };
}

async function* all(records: readonly FoundProvider[]): AsyncGenerator<FoundProvider> {
  yield* records;
}

test('a search dials at most 24 peers of any number of records, six at a time, none twice', async () => {
  const peer = fc.tuple(fc.nat(400), fc.boolean()).map(([id, isThere]) => ({ id: `peer${id}`, isThere }));
  await fc.assert(
    fc.asyncProperty(fc.array(peer, { maxLength: 400, size: 'max' }), async (made) => {
      const known = new Map(made.map(({ id, isThere }) => [id, isThere]));
      const records = [...known.keys()].map(record);
      const { seeking, dialed, most } = setUp(
        () => all(records),
        (id) => known.get(id) ?? false,
      );
      const reached = await seeking.seek(KEY);
      assert.ok(dialed.length <= DIALS_MAX);
      assert.ok(most.dials <= 6);
      assert.equal(new Set(dialed).size, dialed.length);
      assert.equal(reached, dialed.filter((id) => known.get(id)).length);
    }),
    { numRuns: 50 },
  );
});

test('ends after its time although the market never does', async () => {
  async function* forever(signal: AbortSignal): AsyncGenerator<FoundProvider> {
    yield record('one');
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
  }
  const { seeking, clock } = setUp(forever, () => true);
  const search = seeking.seek(KEY);
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(SEEK_MS_MAX);
  assert.equal(await search, 1);
});

test('leaves out peers that are connected, and those that have no address', async () => {
  const { seeking, dialed, peers } = setUp(
    () => all([record('connected'), { peer: 'nowhere', addresses: [] }]),
    () => true,
  );
  peers.push({ peer: 'connected', addresses: [], connected: true, source: 'address' });
  await seeking.seek(KEY);
  assert.deepEqual(dialed, []);
});

test('leaves out a peer that was not reached, for longer each time, until it is reached', async () => {
  let isReached = false;
  const { seeking, clock, dialed, peers } = setUp(
    () => all([record('away')]),
    () => isReached,
  );
  const pauses: number[] = [];
  for (const pauseMs of [10_000, 40_000, 160_000, UNREACHABLE_MS_MAX, UNREACHABLE_MS_MAX]) {
    await seeking.seek(KEY);
    clock.advance(pauseMs - 1);
    const before = dialed.length;
    await seeking.seek(KEY);
    pauses.push(dialed.length - before);
    // The search that was just made isn't repeated within 10 s.
    clock.advance(10_000);
  }
  assert.deepEqual([pauses, dialed.length], [[0, 0, 0, 0, 0], 5]);
  isReached = true;
  await seeking.seek(KEY);
  isReached = false;
  peers.length = 0;
  clock.advance(10_000);
  await seeking.seek(KEY);
  clock.advance(UNREACHABLE_MS_MIN);
  await seeking.seek(KEY);
  assert.equal(dialed.length, 8);
});

test('joins a search for the same key that has just begun', async () => {
  let searches = 0;
  const { seeking } = setUp(
    () => {
      searches += 1;
      return all([]);
    },
    () => true,
  );
  await Promise.all([seeking.seek(KEY), seeking.seek(KEY)]);
  assert.equal(searches, 1);
  await seeking.seek('b'.repeat(64));
  assert.equal(searches, 2);
});
