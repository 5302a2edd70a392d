/**
 * Verifies: measured hand-backs are stored and listed newest first.
 * Setup: the real record store.
 * Fails if: the history grows without limit, or a record in an unknown format stops the agent.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createHandBacks } from '../../../main/core/engine/index.ts';

const once = { reason: 'owner-active', how: 'killed', durationMs: 12, jobs: 1 } as const;

test('lists the newest first, across restarts, and keeps at most 1,000', () => {
  const { records } = openDatabase(':memory:');
  const handBacks = createHandBacks(records);
  for (let atMs = 1; atMs <= 1_005; atMs += 1) handBacks.add({ ...once, atMs });
  const again = createHandBacks(records);
  assert.deepEqual(
    again.list(2).map(({ atMs }) => atMs),
    [1_005, 1_004],
  );
  assert.equal(again.list(5_000).length, 1_000);
});

test('reads a reason under the name that an earlier version stored', () => {
  const { records } = openDatabase(':memory:');
  const stored = [
    { ...once, atMs: 1 },
    { ...once, atMs: 2, reason: 'power-dear' },
  ];
  records.set('hand-backs', 'all', JSON.stringify(stored));
  assert.deepEqual(
    createHandBacks(records)
      .list(10)
      .map(({ atMs, reason }) => [atMs, reason]),
    [
      [2, 'outside-off-peak'],
      [1, 'owner-active'],
    ],
  );
});

test('ignores a record in another version’s format', () => {
  const { records } = openDatabase(':memory:');
  records.set('hand-backs', 'all', JSON.stringify([{ ...once, atMs: 1, how: 'asked nicely' }]));
  const handBacks = createHandBacks(records);
  assert.deepEqual(handBacks.list(10), []);
  handBacks.add({ ...once, atMs: 2 });
  assert.equal(handBacks.list(10).length, 1);
});
