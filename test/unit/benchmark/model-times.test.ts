/**
 * Verifies: a model's times are those of an undisturbed run.
 * Setup: a fake engine whose runs take given times.
 * Fails if: a disturbed run counts as the model's speed, or a calibration never ends on a noisy machine.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { measureModelTimes } from '../../../main/core/benchmark/model-times.ts';
import type { Engine, LoadedModel } from '../../../main/ports/engine.ts';

/** The other properties are not read. */
const LOADED = { threads: 1 } as LoadedModel;
const EFFORT = { runs: 2, runsMax: 5, promptWords: 4, answerTokens: 11 };

/** Takes the times of the runs in order, without the warm-up; the last one repeats. */
function engineOf(prefillMs: readonly number[]) {
  let runs = -1;
  const engine: Pick<Engine, 'status' | 'generate'> = {
    status: () => ({ state: 'ready', loaded: LOADED, activeSequences: 0, pid: 1 }),
    async *generate({ maxTokens }) {
      const took = prefillMs[Math.min(Math.max(runs, 0), prefillMs.length - 1)] ?? assert.fail();
      runs += 1;
      const cpu = { prefillMs: took, decodeMs: took * 10 };
      const ended = {
        inputTokens: 4,
        outputTokens: maxTokens,
        prefillMs: took * 3,
        decodeMs: took * 30,
        cpu,
      };
      yield { type: 'end', reason: 'length', ...ended };
    },
  };
  return { engine: engine as Engine, runs: () => runs };
}

it('stops as soon as two runs agree on the fastest time', async () => {
  for (const [times, runs, fastest] of [
    [[100, 101], 2, 100],
    [[100, 140, 101], 3, 100],
    [[140, 100, 130, 101], 4, 100],
    [[140, 120, 100, 90, 80], 5, 80],
  ] as const) {
    const fake = engineOf(times);
    const measured = await measureModelTimes(fake.engine, EFFORT, new AbortController().signal);
    assert.equal(fake.runs(), runs);
    assert.equal(measured.cpu?.prefillMs, fastest);
    assert.equal(measured.cpu?.decodeMsPerToken, fastest);
    assert.equal(measured.wall.prefillMs, fastest * 3);
  }
});
