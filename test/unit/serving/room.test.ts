/**
 * Verifies: the choice of models that leave the memory for another one, and the limit for all of them together.
 * Setup: models of any size, busy or idle since any time; a machine whose free memory the test sets.
 * Fails if: a model with jobs leaves, one leaves without need or before one that was idle for longer, the limit is exceeded,
 *   or a request is refused although unloading idle models would make room.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createMemoryLimit } from '../../../main/core/serving/memory-limit.ts';
import { makeRoom, type Resident } from '../../../main/core/serving/room.ts';

const resident = (id: string, bytes: number, more: Partial<Resident> = {}): Resident => ({
  ...{ id, bytes, isBusy: false, idleSinceMs: 0 },
  ...more,
});

test('makes room within the limit, without models that have jobs, and none leaves without need (property)', () => {
  const any = fc.array(fc.record({ bytes: fc.nat(10), isBusy: fc.boolean(), idleSinceMs: fc.nat(5) }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(any, fc.nat(12), fc.nat(30), (models, bytes, limitBytes) => {
      const residents = models.map((model, index) => ({ ...model, id: String(index) }));
      const room = makeRoom(bytes, residents, limitBytes);
      const sum = (of: readonly Resident[]) => of.reduce((total, each) => total + each.bytes, bytes);
      const busy = residents.filter(({ isBusy }) => isBusy);
      if (room.kind === 'too-large') return assert.ok(bytes > limitBytes);
      if (room.kind === 'busy') return assert.ok(bytes <= limitBytes && sum(busy) > limitBytes);
      const staying = residents.filter(({ id }) => !room.unload.includes(id));
      const leaving = residents.filter(({ id }) => room.unload.includes(id));
      assert.ok(sum(staying) <= limitBytes);
      assert.deepEqual(
        leaving.filter(({ isBusy }) => isBusy),
        [],
      );
      for (const each of leaving) assert.ok(sum([...staying, each]) > limitBytes, `${each.id} could stay`);
    }),
    { numRuns: 1_000 },
  );
});

test('the model that was idle for the longest time leaves first', () => {
  const residents = [
    resident('recent', 4, { idleSinceMs: 9 }),
    resident('oldest', 4, { idleSinceMs: 1 }),
    resident('busy', 4, { idleSinceMs: 0, isBusy: true }),
  ];
  assert.deepEqual(makeRoom(4, residents, 12), { kind: 'room', unload: ['oldest'] });
  assert.deepEqual(makeRoom(4, residents, 8), { kind: 'room', unload: ['oldest', 'recent'] });
  assert.deepEqual(makeRoom(4, residents, 7), { kind: 'busy' });
  assert.deepEqual(makeRoom(13, residents, 12), { kind: 'too-large' });
});

test('the limit is the owner’s, or what the machine has without the loaded models', () => {
  let free = 1_000;
  let owner: number | null = null;
  const memory = createMemoryLimit(
    () => free,
    () => owner,
  );
  assert.equal(memory.bytes(0), 950);
  // Weights that the system maps are still counted as free: they are no room for others.
  assert.equal(memory.bytes(400), 950);
  // Another program took memory while a model was loaded.
  free = 300;
  assert.equal(memory.bytes(400), 665);
  owner = 500;
  assert.equal(memory.bytes(400), 500);
  assert.equal(memory.machineBytes(400), 700, 'neither the owner’s limit nor a reserve counts');
});
