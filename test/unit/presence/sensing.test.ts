// Verifies: sensors are polled each second, and every fifth one while no decision depends on them.
// Setup: one sensor that counts its polls, on a manual clock.
// Fails if: an app that its owner paused keeps waking the machine, or polls late when the pause ends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSensing } from '../../../main/core/presence/index.ts';
import { manualClock } from '../../fakes/clock.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

function polled(rest: { isAtRest: boolean }) {
  const clock = manualClock(0);
  let polls = 0;
  const sensing = createSensing({
    clock,
    isAtRest: () => rest.isAtRest,
    sensors: [
      {
        name: 'counting',
        async read() {
          polls += 1;
          return {};
        },
        close() {},
      },
    ],
    report() {},
    fault: (error) => assert.ifError(error),
  });
  return {
    sensing,
    /** Lets so many seconds pass, and returns the polls in that time. */
    async pass(seconds: number) {
      await turn();
      const before = polls;
      for (let count = 0; count < seconds; count += 1) {
        clock.advance(1_000);
        await turn();
      }
      return polls - before;
    },
  };
}

test('polls each second, and every five seconds at rest', async () => {
  const rest = { isAtRest: false };
  const { sensing, pass } = polled(rest);
  assert.equal(await pass(10), 10);
  rest.isAtRest = true;
  assert.equal(await pass(10), 2);
  rest.isAtRest = false;
  assert.equal(await pass(10), 10);
  sensing.stop();
});

test('polls on request at rest, and counts from there', async () => {
  const { sensing, pass } = polled({ isAtRest: true });
  assert.equal(await pass(4), 0);
  sensing.poll();
  assert.equal(await pass(4), 0);
  assert.equal(await pass(1), 1);
  sensing.stop();
});
