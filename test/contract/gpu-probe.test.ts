/**
 * Verifies: the real gpu.js in its real process measures the modes that every machine has, and can be stopped.
 * Setup: the quick probe, which checks each kernel's result against plain JavaScript.
 * Fails if: the probe hangs or keeps the process alive, or a new version of gpu.js breaks it.
 * Alone: runs among other tests are too unsteady to be measured.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createWorkerProbe } from '../../main/adapters/gpu/index.ts';
import { isAppError } from '../../shared/errors.ts';

const NO_WINDOW = 'Requires a window. Run the benchmark in the desktop app.';

describe('gpu.js in a worker process', () => {
  it('measures the CPU and reports why the window modes are missing', async () => {
    const result = await createWorkerProbe({ quick: true }).run(new AbortController().signal);
    // First, because it has the reason of a mode that is missing.
    assert.deepEqual(result.unavailable, [
      { mode: 'webgpu', reason: NO_WINDOW },
      { mode: 'webgl2', reason: NO_WINDOW },
    ]);
    const measured = result.measurements.map(({ name, mode, unit }) => `${mode} ${name} ${unit}`);
    assert.deepEqual(measured, [
      'webasm cpu-arithmetic gflops',
      'webasm cpu-bandwidth gigabytes-per-second',
      'cpu cpu-arithmetic gflops',
      'cpu cpu-bandwidth gigabytes-per-second',
    ]);
    for (const { value, runs, conditions } of result.measurements) {
      assert.ok(value > 0 && Number.isFinite(value));
      assert.ok(runs >= 1);
      assert.equal(conditions.quick, true);
    }
  });

  it('stops with its signal, before and during the work', async () => {
    const probe = createWorkerProbe();
    await assert.rejects(probe.run(AbortSignal.abort()), (error) => isAppError(error, 'aborted'));
    const owner = new AbortController();
    const running = probe.run(owner.signal);
    setImmediate(() => owner.abort());
    await assert.rejects(running, (error) => isAppError(error, 'aborted'));
  });
});
