/**
 * Verifies: hints that an offer has changed make a buyer fetch it soon, a limited number of times, whoever sends how many.
 * Setup: both sides alone, with hints of the test, on a clock that the test moves.
 * Fails if: strangers make a buyer fetch or dial without end, the last change is lost, a buyer listens to models that it
 * doesn't use, or a provider sends a hint for every small step.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HINT_EVERY_MS_MIN, SETTLE_MS, watchOffer } from '../../../main/core/network/offer-changes.ts';
import {
  FETCH_EVERY_MS_MIN,
  FETCHES_MAX,
  FETCHES_PER_PEER_MAX,
  refreshByHints,
  USED_MS,
  WINDOW_MS,
} from '../../../main/core/network/offer-hints.ts';
import { manualClock } from '../../fakes/clock.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

function openBuyer(peers: readonly string[], fetching: () => Promise<void> = async () => undefined) {
  const clock = manualClock(0);
  const fetched: { peer: string; atMs: number }[] = [];
  const listening: string[][] = [];
  const heard = { hint: (_peer: string) => {} };
  const hinted = refreshByHints({
    clock,
    hints: {
      listen: (shards) => void listening.push([...shards].sort()),
      onHint(listener) {
        heard.hint = listener;
        return () => {
          heard.hint = () => {};
        };
      },
    },
    network: {
      peers: () => peers.map((peer) => ({ peer, addresses: [], connected: true, source: 'address' })),
    },
    async refresh(peer) {
      fetched.push({ peer, atMs: clock.monotonic() });
      await fetching();
    },
  });
  const advance = async (durationMs: number) => {
    for (let ms = 0; ms < durationMs; ms += 500) {
      clock.advance(500);
      await settled();
    }
  };
  return { clock, hinted, fetched, listening, heard, advance };
}

test('fetches an offer immediately, and once more for hints that came meanwhile', async () => {
  const { fetched, heard, advance } = openBuyer(['provider']);
  heard.hint('provider');
  await advance(500);
  assert.equal(fetched.length, 1);
  for (let count = 0; count < 100; count += 1) heard.hint('provider');
  await advance(5_000);
  assert.equal(fetched.length, 2);
  assert.ok((fetched[1]?.atMs ?? 0) - (fetched[0]?.atMs ?? 0) >= FETCH_EVERY_MS_MIN);
});

test('fetches again after a fetch during which another hint came', async () => {
  let end = () => {};
  const { fetched, heard, advance } = openBuyer(
    ['provider'],
    () =>
      new Promise((resolve) => {
        end = resolve;
      }),
  );
  heard.hint('provider');
  await advance(5_000);
  heard.hint('provider');
  await advance(5_000);
  assert.equal(fetched.length, 1);
  end();
  await advance(2_000);
  assert.equal(fetched.length, 2);
});

test('fetches nothing for a peer that it doesn’t know', async () => {
  const { fetched, heard, advance } = openBuyer(['provider']);
  heard.hint('stranger');
  await advance(1_000);
  assert.deepEqual(fetched, []);
});

test('any hints cause at most 6 fetches of one peer and 60 in total within a minute', async () => {
  const peers = Array.from({ length: 40 }, (_, index) => `peer ${index}`);
  const hint = fc.record({ peer: fc.constantFrom(...peers), waitMs: fc.nat(400) });
  await fc.assert(
    fc.asyncProperty(fc.array(hint, { maxLength: 600, size: 'max' }), async (hints) => {
      const { clock, fetched, heard, advance } = openBuyer(peers);
      for (const { peer, waitMs } of hints) {
        heard.hint(peer);
        clock.advance(waitMs);
        await settled();
      }
      await advance(2 * WINDOW_MS);
      for (const { atMs: fromMs } of fetched) {
        const window = fetched.filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + WINDOW_MS);
        assert.ok(window.length <= FETCHES_MAX);
        for (const peer of peers) {
          assert.ok(window.filter((each) => each.peer === peer).length <= FETCHES_PER_PEER_MAX);
        }
      }
    }),
    { numRuns: 20 },
  );
});

test('one provider’s hints without end cause six fetches within a minute', async () => {
  const { fetched, heard, advance } = openBuyer(['provider']);
  for (let count = 0; count < 100; count += 1) {
    heard.hint('provider');
    await advance(500);
  }
  assert.equal(fetched.length, FETCHES_PER_PEER_MAX);
});

test('listens to the models that it uses, for an hour after the last use', async () => {
  const { hinted, listening, clock } = openBuyer([]);
  hinted.use(['a', 'not a shard']);
  hinted.use(['a']);
  clock.advance(USED_MS / 2);
  hinted.use(['b']);
  clock.advance(USED_MS / 2 + WINDOW_MS);
  assert.deepEqual(listening, [['a'], ['a', 'b'], ['b']]);
});

test('does nothing any more after it was stopped', async () => {
  const { hinted, fetched, heard, advance } = openBuyer(['provider']);
  heard.hint('provider');
  hinted.stop();
  heard.hint('provider');
  await advance(5_000);
  assert.deepEqual(fetched, []);
});

function openProvider() {
  const clock = manualClock(0);
  const now = { terms: 'price 1', shards: new Set(['a']) };
  const sent: { atMs: number; shards: string[] }[] = [];
  const changes = watchOffer({
    clock,
    offered: () => ({ ...now }),
    hints: { publish: async (shards) => void sent.push({ atMs: clock.monotonic(), shards: [...shards] }) },
  });
  return { clock, now, sent, changes };
}

test('a provider sends a hint a moment after a change, and none without one', () => {
  const { clock, now, sent, changes } = openProvider();
  changes.check();
  clock.advance(HINT_EVERY_MS_MIN);
  assert.deepEqual(sent, []);
  now.terms = 'price 2';
  changes.check();
  clock.advance(SETTLE_MS);
  assert.deepEqual(sent, [{ atMs: HINT_EVERY_MS_MIN + SETTLE_MS, shards: ['a'] }]);
});

test('a price that changes all the time costs a hint each ten seconds, the last of them for the last price', () => {
  const { clock, now, sent, changes } = openProvider();
  for (let price = 2; price <= 250; price += 1) {
    now.terms = `price ${price}`;
    changes.check();
    clock.advance(100);
  }
  const lastChangeMs = clock.monotonic();
  clock.advance(2 * HINT_EVERY_MS_MIN);
  assert.equal(sent.length, 4);
  assert.ok((sent.at(-1)?.atMs ?? 0) >= lastChangeMs - 100);
});

test('a provider that stops offering a model tells its buyers, and those of the next one', () => {
  const { clock, now, sent, changes } = openProvider();
  now.terms = 'another model';
  now.shards = new Set(['b']);
  changes.check();
  clock.advance(SETTLE_MS);
  assert.deepEqual(sent[0]?.shards.sort(), ['a', 'b']);
});

test('a price that changes without an event is noticed, too', () => {
  const { clock, now, sent } = openProvider();
  now.terms = 'price 2';
  clock.advance(60_000);
  assert.equal(sent.length, 1);
});
