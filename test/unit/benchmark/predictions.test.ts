/**
 * Verifies: a calibration uses files that the app writes and deletes, is stored, predicts only for its own backend, stops
 * immediately, and is scored against later measurements.
 * Setup: a fake engine that reads the file it loads and reports times computed from known costs.
 * Fails if: files stay in the data folder, a prediction is shown as a measurement, a score is computed in hindsight, or
 * a calibration continues after the owner returned.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { SyntheticModel } from '../../../main/core/benchmark/calibration-models.ts';
import { CALIBRATION_KIND, SCORE_KIND } from '../../../main/core/benchmark/calibration-record.ts';
import { createPredictions } from '../../../main/core/benchmark/index.ts';
import {
  type ModelShape,
  shapeOfConfiguration,
  shapeOfHeader,
} from '../../../main/core/benchmark/model-shape.ts';
import { readGgufHeader } from '../../../main/core/gguf/index.ts';
import type { BenchmarkRow, BenchmarkStore } from '../../../main/ports/benchmark.ts';
import type { Engine, LoadOptions } from '../../../main/ports/engine.ts';
import { type Measurement, modelSpeedSchema, modelsStateSchema } from '../../../shared/api/state.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine } from '../../fakes/engine.ts';

const NOW_MS = 1_800_000_000_000;
const LOAD: LoadOptions = { contextTokens: 1_024, sequences: 1, threads: 2, graphicsMemoryBytesMax: null };
const folder = mkdtempSync(join(tmpdir(), 'idlewatt-predictions-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function small(layers: number, width: number): SyntheticModel {
  const configuration = { layers, width, feedForward: 2 * width, heads: width / 64, keyHeads: 1 };
  return {
    name: `${layers}x${width}`,
    configuration: { ...configuration, headWidth: 64, vocabulary: 1_024, tied: true },
    mixture: 'Q8_0',
  };
}
const MODELS = [small(1, 128), small(3, 128), small(1, 256), small(2, 320)];
const LARGER = shapeOfConfiguration(small(6, 512).configuration, 'Q8_0');

/** Milliseconds on this simulated machine; `prefillMs` is for the whole prompt. */
function truth(shape: ModelShape, promptTokens: number) {
  const layerWeights = [...shape.weights.values()].reduce((sum, each) => sum + each, 0);
  const outputWeights = shape.output.inputs * shape.output.outputs;
  return {
    prefillMs: 2 + promptTokens * layerWeights * 2e-6 + outputWeights * 1e-5,
    decodeMsPerToken: 1 + (layerWeights + outputWeights) * 1e-5,
  };
}

/** Reports the times of {@link truth} for the loaded file; wall time is `busy` times longer. */
function machineWith(busy: number, backend = 'cpu'): Engine {
  const engine = createFakeEngine();
  let shape: ModelShape | null = null;
  return {
    ...engine,
    async load(model, load) {
      shape = shapeOfHeader(await readGgufHeader(model.path));
      return { ...(await engine.load(model, load)), backend };
    },
    async *generate(request, signal) {
      for await (const event of engine.generate(request, signal)) {
        if (event.type !== 'end' || event.reason === 'aborted') {
          yield event;
          continue;
        }
        assert.ok(shape !== null);
        const { prefillMs, decodeMsPerToken } = truth(shape, event.inputTokens);
        const decodeMs = decodeMsPerToken * (event.outputTokens - 1);
        yield {
          ...event,
          prefillMs: prefillMs * busy,
          decodeMs: decodeMs * busy,
          cpu: { prefillMs: prefillMs * LOAD.threads, decodeMs: decodeMs * LOAD.threads },
        };
      }
    },
  };
}

function memoryStore(): BenchmarkStore & { rows: BenchmarkRow[] } {
  const rows: BenchmarkRow[] = [];
  return {
    rows,
    insert: (row) => void rows.unshift(row),
    list: (kind, limit) => rows.filter((row) => kind === null || row.kind === kind).slice(0, limit),
  };
}

function setUp({ engine = machineWith(1), store = memoryStore() } = {}) {
  const newest: Measurement[] = [];
  const predictions = createPredictions({
    engine,
    folder,
    load: async () => LOAD,
    store,
    clock: manualClock(NOW_MS),
    shape: (id) => (id === 'larger' ? LARGER : null),
    measured: (id, name) => newest.find((each) => each.conditions.model === id && each.name === name) ?? null,
    models: MODELS,
  });
  const measure = (decode: number, more: Partial<Measurement> = {}, conditions = {}) => {
    const both = (['prefill', 'decode'] as const).map(
      (name): Measurement => ({
        name,
        mode: 'cpu',
        value: name === 'decode' ? decode : 400,
        unit: 'tokens-per-second',
        spreadPercent: 1,
        runs: 5,
        conditions: { model: 'larger', threads: LOAD.threads, ...conditions },
        atMs: NOW_MS + 1,
        ...more,
      }),
    );
    newest.unshift(...both);
    predictions.keepScore(both);
  };
  return { predictions, store, measure };
}

describe('predictions', () => {
  it('do not exist before a calibration', () => {
    const { predictions } = setUp();
    assert.equal(predictions.state().state, 'never');
    assert.deepEqual(predictions.speed('larger'), { measured: null, predicted: null, score: null });
  });

  it('are correct for a model of another size, are stored, and leave no file behind', async () => {
    const { predictions, store } = setUp();
    const progress: (number | null)[] = [];
    predictions.onChange(() => progress.push(predictions.state().progress));
    await predictions.calibrate();
    assert.deepEqual(readdirSync(folder), []);
    assert.deepEqual(progress, [0, 0, 0.25, 0.5, 0.75, null]);
    const state = modelsStateSchema.shape.calibration.parse(predictions.state());
    assert.deepEqual(state, { state: 'done', progress: null, atMs: NOW_MS, disturbed: false, error: null });

    const { predicted, measured } = modelSpeedSchema.parse(predictions.speed('larger'));
    assert.ok(predicted !== null);
    assert.equal(measured, null);
    const expected = truth(LARGER, 256);
    assert.ok(Math.abs(predicted.decodeTokensPerSecond * expected.decodeMsPerToken - 1_000) < 30);
    assert.ok(Math.abs((predicted.prefillTokensPerSecond * expected.prefillMs) / 256 - 1_000) < 30);
    assert.ok(predicted.uncertaintyPercent !== null && predicted.uncertaintyPercent < 20);
    assert.equal(predictions.speed('another').predicted, null);

    const again = setUp({ store }).predictions;
    assert.deepEqual(again.state(), predictions.state());
    assert.deepEqual(again.speed('larger'), predictions.speed('larger'));
  });

  it('are scored by the next measurement with the same backend and threads, and by no other', async () => {
    const { predictions, store, measure } = setUp();
    await predictions.calibrate();
    const before = predictions.speed('larger').predicted;
    assert.ok(before !== null);
    measure(50, { mode: 'cuda' });
    measure(50, {}, { threads: 7 });
    measure(50, {}, { otherJobs: 2 });
    measure(50, {}, { model: 'another' });
    assert.equal(store.list(SCORE_KIND, 9).length, 0);
    assert.equal(predictions.speed('larger').score, null);

    measure(before.decodeTokensPerSecond * 0.8);
    const { score, measured } = modelSpeedSchema.parse(predictions.speed('larger'));
    assert.equal(measured?.decodeTokensPerSecond, before.decodeTokensPerSecond * 0.8);
    assert.equal(score?.predictedTokensPerSecond, before.decodeTokensPerSecond);
    assert.ok(Math.abs((score?.errorPercent ?? 0) - 25) < 1e-6);
    assert.deepEqual(setUp({ store }).predictions.speed('larger').score, score);
  });
});

describe('calibrations', () => {
  it('report disturbance by other programs', async () => {
    const { predictions } = setUp({ engine: machineWith(1.5) });
    await predictions.calibrate();
    assert.equal(predictions.state().disturbed, true);
  });

  it('stop with the reason, keep the previous result, and leave no file behind', async () => {
    const { predictions, store } = setUp();
    await predictions.calibrate();
    const known = predictions.speed('larger');
    const running = predictions.calibrate();
    await assert.rejects(predictions.calibrate(), (error) => isAppError(error, 'busy'));
    predictions.abort('You need the machine.');
    await assert.rejects(running, (error) => isAppError(error, 'aborted'));
    assert.equal(predictions.state().state, 'failed');
    assert.equal(predictions.wasStopped(), true);
    assert.equal(predictions.state().error, 'You need the machine.');
    assert.deepEqual(predictions.speed('larger'), known);
    assert.equal(store.list(CALIBRATION_KIND, 9).length, 1);
    assert.ok(!existsSync(folder) || readdirSync(folder).length === 0);
  });

  it('ignore stored rows that cannot be read', () => {
    const store = memoryStore();
    store.insert({ id: '1', atMs: 1, kind: CALIBRATION_KIND, conditions: '{', result: '{"samples":[]}' });
    store.insert({ id: '2', atMs: 1, kind: SCORE_KIND, conditions: '{}', result: 'null' });
    const { predictions } = setUp({ store });
    assert.equal(predictions.state().state, 'never');
    assert.equal(predictions.speed('larger').score, null);
  });
});
