/**
 * Verifies: the speed of a job over its time is measured from its tokens, in a bounded number of steps for a bounded
 *   number of jobs.
 * Setup: a manual clock, with steady and changing streams of tokens; a property over any stream.
 * Fails if: a token is lost or counted twice when steps are folded, the curve grows with the job, or old jobs stay in memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createJobSpeeds, JOBS_KEPT } from '../../../main/core/provider/job-speeds.ts';
import { manualClock } from '../../fakes/clock.ts';

test('a job that slows down halfway shows both speeds', () => {
  const clock = manualClock(0);
  const speeds = createJobSpeeds(clock);
  speeds.generated('job', 3);
  const each = (count: number, everyMs: number) => {
    for (let token = 0; token < count; token += 1) {
      clock.advance(everyMs);
      speeds.generated('job', 1);
    }
  };
  each(100, 20);
  each(50, 40);
  const curve = speeds.of('job') ?? assert.fail('the job is known');
  assert.equal(curve.durationMs, 4_000);
  const near = (value: number | undefined, wanted: number) =>
    assert.ok(Math.abs((value ?? 0) - wanted) <= wanted * 0.1, `${String(value)} instead of ${wanted}`);
  near(curve.tokensPerSecond[1], 50);
  near(curve.tokensPerSecond.at(-2), 25);
});

test('a curve holds every token after the first ones, and no more than 40 steps', () => {
  const pieces = fc.array(
    fc.record({ afterMs: fc.integer({ min: 0, max: 90_000 }), tokens: fc.integer({ min: 0, max: 64 }) }),
    { minLength: 2, maxLength: 300 },
  );
  fc.assert(
    fc.property(pieces, (stream) => {
      const clock = manualClock(0);
      const speeds = createJobSpeeds(clock);
      for (const { afterMs, tokens } of stream) {
        clock.advance(afterMs);
        speeds.generated('job', tokens);
      }
      const counted = stream.filter(({ tokens }) => tokens > 0).slice(1);
      const curve = speeds.of('job');
      if (curve === null) return;
      const { durationMs, stepMs, tokensPerSecond } = curve;
      const steps = tokensPerSecond.length;
      assert.ok(steps >= 1 && steps <= 40, `${steps} steps`);
      const total = tokensPerSecond.reduce(
        (sum, speed, step) => sum + speed * (step === steps - 1 ? durationMs - step * stepMs : stepMs),
        0,
      );
      const wanted = counted.reduce((sum, { tokens }) => sum + tokens, 0) * 1_000;
      assert.ok(Math.abs(total - wanted) < 1, `${total} instead of ${wanted}`);
    }),
  );
});

test('only the last jobs stay in memory, and a job whose tokens came together has no curve', () => {
  const clock = manualClock(0);
  const speeds = createJobSpeeds(clock);
  const jobs = Array.from({ length: JOBS_KEPT + 1 }, (_, index) => `job-${index}`);
  for (const job of jobs) {
    speeds.generated(job, 1);
    clock.advance(500);
    speeds.generated(job, 4);
    clock.advance(500);
    speeds.generated(job, 4);
  }
  assert.deepEqual([speeds.of('job-0'), speeds.of('job-1')?.tokensPerSecond], [null, [8]]);
  speeds.generated('together', 50);
  assert.equal(speeds.of('together'), null);
  assert.equal(speeds.of('unknown'), null);
});
