// Verifies: the machine is read for the pages every 5 s while a job runs, every 10 s otherwise, and never for nobody.
// Setup: a machine that counts its readings, on a manual clock.
// Fails if: an idle app keeps reading as if it worked, or a closed window keeps it reading.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMachineView } from '../../../main/agent/machine-view.ts';
import type { Surroundings } from '../../../main/agent/surroundings.ts';
import type { MachineReader } from '../../../main/ports/machine.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

test('reads every 10 s, every 5 s while a job runs, and not while nobody watches', () => {
  const clock = manualClock(0);
  let readings = 0;
  const machine: MachineReader = {
    inventory: () => new Promise(() => {}),
    readings: () => {
      readings += 1;
      return new Promise(() => {});
    },
  };
  const surroundings = {
    clock,
    changed() {},
    onClose() {},
    log: createRecordingLog(),
  } as unknown as Surroundings;
  const now = { isWatched: true, isWorking: false };
  createMachineView(surroundings, machine).start(
    () => now.isWatched,
    () => now.isWorking,
  );
  const readIn = (seconds: number) => {
    const before = readings;
    clock.advance(seconds * 1_000);
    return readings - before;
  };
  assert.equal(readIn(5), 1, 'soon after the start');
  assert.equal(readIn(60), 6);
  now.isWorking = true;
  assert.equal(readIn(60), 12);
  now.isWatched = false;
  assert.equal(readIn(60), 0);
});
