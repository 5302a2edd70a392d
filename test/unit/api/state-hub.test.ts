// Verifies: watchers of the state get the sections that differ from what they know, and nothing else.
// Setup: a hub whose sections are counters of this test, on a manual clock.
// Fails if: pages are woken by sections that didn't change, or keep an old value because it was thought to be known.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStateHub, type SectionReaders } from '../../../main/api/state-hub.ts';
import type { AgentState, StateUpdate } from '../../../shared/api/state.ts';
import { manualClock } from '../../fakes/clock.ts';

const GATHER_MS = 100;

/** A hub with two sections. */
function hubOf(values: { work: number; network: number }) {
  const clock = manualClock(0);
  const readers = {
    work: () => ({ value: values.work }),
    network: () => ({ value: values.network }),
  } as unknown as SectionReaders;
  const hub = createStateHub({ clock, readers });
  return {
    hub,
    flush: () => clock.advance(GATHER_MS),
    /** Follows the hub; returns the updates so far without the first, whole state. */
    async watch() {
      const updates: StateUpdate[] = [];
      const whole = Promise.withResolvers<AgentState>();
      void (async () => {
        for await (const update of hub.watch(undefined)) {
          if (update.type === 'whole') whole.resolve(update.state);
          else updates.push(update);
        }
      })();
      await whole.promise;
      return updates;
    },
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('sends only the sections that differ from the last update', async () => {
  const values = { work: 1, network: 1 };
  const { hub, flush, watch } = hubOf(values);
  const updates = await watch();
  hub.changed('work', 'network');
  flush();
  values.work = 2;
  hub.changed('work', 'network');
  flush();
  await turn();
  assert.deepEqual(
    updates.map((update) => update.type === 'changed' && Object.keys(update.sections)),
    [['work', 'network'], ['work']],
  );
});

test('sends nothing if nothing differs', async () => {
  const { hub, flush, watch } = hubOf({ work: 1, network: 1 });
  const updates = await watch();
  for (let count = 0; count < 3; count += 1) {
    hub.changed('network');
    flush();
  }
  await turn();
  assert.equal(updates.length, 1);
});

test('a watcher that came in between gets a value that the others had before', async () => {
  const values = { work: 1, network: 1 };
  const { hub, flush, watch } = hubOf(values);
  await watch();
  hub.changed('work');
  flush();
  values.work = 2;
  const late = await watch();
  values.work = 1;
  hub.changed('work');
  flush();
  await turn();
  assert.deepEqual(late, [{ type: 'changed', sections: { work: { value: 1 } } }]);
});
