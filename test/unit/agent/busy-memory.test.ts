/**
 * Verifies: an agent with many jobs uses V8's usual heap, and the small one again when they are over.
 * Setup: steps of jobs on a clock that the test moves; the flags that would be set.
 * Fails if: a few jobs already cost memory, the heap stays large, or a flag is set at every interval.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { watchLoad } from '../../../main/agent/busy-memory.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

test('memory follows the load, without switching at every change of it', () => {
  const clock = manualClock(0);
  const flags: string[] = [];
  let step: () => void = () => undefined;
  const stop = watchLoad({
    clock,
    log: createRecordingLog(),
    setFlag: (flag) => void flags.push(flag),
    jobs: {
      onChange(listener) {
        step = listener;
        return () => {
          step = () => undefined;
        };
      },
    },
  });
  const after5s = (steps: number) => {
    for (let count = 0; count < steps; count += 1) step();
    clock.advance(5_000);
    return flags.length;
  };
  assert.equal(after5s(100), 0, '20 per second are few');
  assert.equal(after5s(101), 1);
  assert.equal(after5s(300), 1);
  assert.equal(after5s(20), 1, 'between the limits it stays');
  assert.equal(after5s(19), 2);
  assert.equal(after5s(0), 2);
  assert.deepEqual(flags, ['--no-optimize-for-size', '--optimize-for-size']);
  stop();
  assert.equal(after5s(500), 2);
});
