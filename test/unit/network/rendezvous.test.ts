/**
 * Verifies: a machine is found in the public DHT, looks for others there, and bothers its nodes rarely.
 * Setup: the rendezvous alone with a DHT of the test, on a clock that the test moves.
 * Fails if: the record ends before it is renewed, nothing is dialed, a public node looks for others, or anything is asked where
 * the owner didn't allow it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rendezvousKey } from '../../../main/core/network/market-key.ts';
import { meetInPublic } from '../../../main/core/network/rendezvous.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const HOUR_MS = 3_600_000;
const settled = () => new Promise((resolve) => setImmediate(resolve));

function setUp({ isAllowed = true, isPublicNode = false } = {}) {
  const clock = manualClock(0);
  const provided: number[] = [];
  const looked: number[] = [];
  const dialed: (readonly string[])[] = [];
  const stop = meetInPublic({
    clock,
    log: createRecordingLog(),
    network: isPublicNode ? null : { peers: () => [] },
    market: {
      reach: () => 'direct',
      async dial(addresses) {
        dialed.push(addresses);
        return true;
      },
      publicDht: isAllowed
        ? {
            async provide(key) {
              assert.equal(key, rendezvousKey);
              provided.push(clock.monotonic());
              return 1;
            },
            withdraw: async () => undefined,
            async *find(key) {
              assert.equal(key, rendezvousKey);
              looked.push(clock.monotonic());
              yield { peer: 'other', addresses: ['/ip4/45.0.0.1/tcp/1/p2p/other'] };
            },
          }
        : null,
    },
  });
  const advance = async (durationMs: number) => {
    for (let ms = 0; ms < durationMs; ms += 30_000) {
      clock.advance(30_000);
      await settled();
    }
  };
  return { advance, provided, looked, dialed, stop };
}

test('stores its record at the start, soon again, and then every six hours; looks for others every hour', async () => {
  const { advance, provided, looked, dialed, stop } = setUp();
  await advance(20 * HOUR_MS);
  assert.ok(provided.length >= 4 && provided.length <= 8);
  for (const [index, atMs] of [...provided.slice(1), 20 * HOUR_MS].entries()) {
    assert.ok(atMs - (provided[index] ?? 0) <= 6 * HOUR_MS);
  }
  assert.equal(looked.length, 22);
  assert.deepEqual(dialed[0], ['/ip4/45.0.0.1/tcp/1/p2p/other']);
  stop();
  await advance(20 * HOUR_MS);
  assert.equal(looked.length, 22);
});

test('a public node is found, and looks for nobody', async () => {
  const { advance, provided, looked } = setUp({ isPublicNode: true });
  await advance(HOUR_MS);
  assert.ok(provided.length > 0);
  assert.deepEqual(looked, []);
});

test('asks nobody where the owner didn’t allow it', async () => {
  const { advance, provided, looked } = setUp({ isAllowed: false });
  await advance(HOUR_MS);
  assert.deepEqual([provided, looked], [[], []]);
});
