/**
 * Goal: a limit that the owner changes reaches the engine, and no answer is broken off for it.
 * Method: the composition of what is served on a fake engine, with a count of jobs that the test sets.
 * Would break: a new limit that counts only after the next start, or waits for a change of something else, a load in
 * the middle of an answer, a model loaded anew for a setting that has nothing to do with it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createServing, type ServingOptions } from '../../../main/agent/serving.ts';
import { createEngineDuty } from '../../../main/core/engine/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import type { LoadOptions } from '../../../main/ports/engine.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, FAKE_MODEL } from '../../fakes/engine.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

function serve() {
  const engine = createFakeEngine();
  const loads: LoadOptions[] = [];
  const records = createMemoryRecordStore();
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  let jobs = 0;
  const options = {
    engine: {
      ...engine,
      load: (model: typeof FAKE_MODEL, load: LoadOptions) => {
        loads.push(load);
        return engine.load(model, load);
      },
    },
    duty: createEngineDuty(engine),
    models: { ensure: async () => FAKE_MODEL, list: () => [] },
    presence: { onChange: () => () => {}, current: () => ({ decision: 'run' }), setAvailability() {} },
    settings,
    machine: { inventory: async () => ({ physicalCores: 4 }) },
    graphics: { choice: () => ({ kind: 'all' }), refresh: async () => false },
    records,
    clock: manualClock(0),
    tinyMayServe: false,
    activeJobs: () => jobs,
    handBack: async () => {},
    handBacks: { add() {}, list: () => [] },
    fault: (error: unknown) => assert.fail(String(error)),
    notice() {},
    onChange() {},
  };
  const serving = createServing(options as unknown as ServingOptions);
  serving.start();
  const settled = async () => {
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
    return loads.map(({ graphicsMemoryBytesMax }) => graphicsMemoryBytesMax);
  };
  return { settings, settled, setJobs: (count: number) => (jobs = count), serving };
}

test('5: a new limit of the cards’ memory loads the model anew, and only when nobody waits', async () => {
  const { settings, settled, setJobs, serving } = serve();
  assert.deepEqual(await settled(), [null]);
  settings.change({ graphicsMemoryBytesMax: 4e9 });
  assert.deepEqual(await settled(), [null, 4e9]);
  settings.change({ notifications: false });
  assert.deepEqual(await settled(), [null, 4e9], 'nothing that bears on the load has changed');
  setJobs(1);
  settings.change({ graphicsMemoryBytesMax: 2e9 });
  assert.deepEqual(await settled(), [null, 4e9], 'an answer is under way');
  setJobs(0);
  serving.idle();
  assert.deepEqual(await settled(), [null, 4e9, 2e9]);
  serving.stop();
});
