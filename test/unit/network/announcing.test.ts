/**
 * Verifies: what a machine provides is stored by others soon after the start, again and again, and only while it is true.
 * Setup: the announcer alone with a market that records calls, on a clock that the test moves.
 * Fails if: a record that was stored too early stays the only one until it is void, a machine without an address announces
 * itself, or a model that is no longer sold is announced.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANNOUNCE_EVERY_MS, createAnnouncing } from '../../../main/core/network/announcing.ts';
import type { Reach } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const settled = () => new Promise((resolve) => setImmediate(resolve));

function setUp(
  options: { keys?: string[]; reach?: Reach; provide?: (signal: AbortSignal) => Promise<number> } = {},
) {
  const clock = manualClock(0);
  const provided: { key: string; atMs: number }[] = [];
  const withdrawn: string[] = [];
  const now = { keys: options.keys ?? ['model'], reach: options.reach ?? ('relayed' as Reach) };
  let onReach = () => {};
  const announcing = createAnnouncing({
    clock,
    log: createRecordingLog(),
    keys: () => now.keys,
    market: {
      reach: () => now.reach,
      onReach(listener) {
        onReach = listener;
        return () => {};
      },
      async provide(key, signal) {
        provided.push({ key, atMs: clock.monotonic() });
        return options.provide?.(signal) ?? 3;
      },
      withdraw: async (key) => void withdrawn.push(key),
    },
  });
  announcing.start();
  const advance = async (durationMs: number) => {
    for (let ms = 0; ms < durationMs; ms += 1_000) {
      clock.advance(1_000);
      await settled();
    }
  };
  return { announcing, advance, provided, withdrawn, now, onReach: () => onReach() };
}

test('announces again 10 s, 1 min and 5 min after the start, and then every 20 minutes', async () => {
  const { advance, provided } = setUp();
  await advance(300_000 + 2 * ANNOUNCE_EVERY_MS + 2_000);
  const seconds = provided.map(({ atMs }) => atMs / 1_000);
  assert.deepEqual(seconds, [1, 11, 61, 301, 1_501, 2_701]);
});

test('announces nothing without an address, and everything as soon as there is one', async () => {
  const { advance, provided, now, onReach } = setUp({ reach: 'none' });
  await advance(120_000);
  assert.deepEqual(provided, []);
  now.reach = 'relayed';
  onReach();
  await advance(2_000);
  assert.equal(provided.length, 1);
});

test('announces a new model soon, and withdraws one that is no longer sold', async () => {
  const { announcing, advance, provided, withdrawn, now } = setUp({ keys: ['old'] });
  await advance(400_000);
  now.keys = ['new'];
  announcing.changed();
  await advance(2_000);
  assert.equal(provided.at(-1)?.key, 'new');
  assert.deepEqual(withdrawn, ['old']);
  const count = provided.length;
  announcing.changed();
  await advance(2_000);
  assert.equal(provided.length, count, 'nothing has changed');
});

test('gives up a record that nobody takes, after 30 s, and continues with the next', async () => {
  const hang = (signal: AbortSignal) =>
    new Promise<number>((resolve) => signal.addEventListener('abort', () => resolve(0)));
  const { advance, provided } = setUp({ keys: ['one', 'two'], provide: hang });
  await advance(20_000);
  assert.deepEqual(
    provided.map(({ key }) => key),
    ['one'],
  );
  await advance(15_000);
  assert.deepEqual(
    provided.map(({ key }) => key),
    ['one', 'two'],
  );
});

test('ends when it is stopped', async () => {
  const { announcing, advance, provided } = setUp();
  await advance(2_000);
  announcing.stop();
  await advance(600_000);
  assert.equal(provided.length, 1);
});
