/**
 * Verifies: the engine is measured at full speed regardless of its duty cycle, by streams and context and at the
 * owner's intensity, and its duty cycle is always restored.
 * Setup: a fake engine whose reported times depend on its duty cycle and its streams.
 * Fails if: a throttled speed is shown as the machine's, the engine stays at full speed after the owner returned, or a
 * disturbed speed is shown as undisturbed.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measureEngineSpeeds } from '../../../main/core/benchmark/engine-speed.ts';
import { createEngineDuty, type EngineEnd } from '../../../main/core/engine/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { Engine, LoadOptions } from '../../../main/ports/engine.ts';
import { engineConditions } from '../../../shared/engine-measurement.ts';
import { isAppError } from '../../../shared/errors.ts';
import { createFakeEngine, FAKE_MODEL } from '../../fakes/engine.ts';

const LOAD: LoadOptions = { contextTokens: 2_048, sequences: 4, threads: 1, graphicsMemoryBytesMax: null };
/** Tokens/s of one stream at full speed. */
const PREFILL = 1_000;
const DECODE = 100;
/** Gain by each further stream, as a share of the first one's speed. */
const GAIN = 0.5;

/** Simulates the duty cycle; concurrent streams share the total speed of their number. */
function setUp(change: (end: EngineEnd) => EngineEnd = (end) => end) {
  const fake = createFakeEngine({ loaded: LOAD });
  let dutyPercent = 100;
  let active = 0;
  let together = 0;
  let requests = 0;
  const reservations: number[] = [];
  const engine: Engine = {
    ...fake,
    setDuty: (percent) => {
      dutyPercent = percent;
    },
    async *generate(request, signal) {
      active += 1;
      requests += 1;
      together = Math.max(together, active);
      try {
        for await (const event of fake.generate(request, signal)) {
          if (event.type !== 'end' || event.reason === 'aborted') {
            yield event;
            continue;
          }
          const slower = (together / (1 + GAIN * (together - 1))) * (100 / dutyPercent) * 1_000;
          const [prefillMs, decodeMs] = [
            (event.inputTokens / PREFILL) * slower,
            ((event.outputTokens - 1) / DECODE) * slower,
          ];
          yield change({ ...event, prefillMs, decodeMs });
        }
      } finally {
        active -= 1;
        if (active === 0) together = 0;
      }
    },
  };
  const duty = createEngineDuty(engine);
  const stop = new AbortController();
  const measure = (comfortDutyPercent = 50, onProgress: (share: number) => void = () => {}) =>
    measureEngineSpeeds(engine, {
      scope: 'machine',
      signal: stop.signal,
      duty,
      comfortDutyPercent,
      clock: systemClock,
      onProgress,
      reserve: async () => {
        reservations.push(requests);
        // Jobs that were running have ended by now.
        return () => reservations.push(requests);
      },
    });
  return {
    reservations,
    fake,
    engine,
    duty,
    measure,
    stop,
    dutyNow: () => dutyPercent,
    requests: () => requests,
  };
}

async function decodes(measuring: ReturnType<ReturnType<typeof setUp>['measure']>) {
  const { measurements } = await measuring;
  return measurements
    .filter(({ name }) => name === 'decode')
    .map((measurement) => {
      const conditions = engineConditions(measurement);
      assert.ok(conditions !== null);
      const { streams, context, dutyPercent } = conditions;
      return [streams, context, dutyPercent, Math.round(measurement.value), measurement.spreadPercent];
    });
}

describe('engine measurements', () => {
  it('cover streams, context and intensity, even if the engine was throttled before', async () => {
    const { duty, measure, dutyNow } = setUp();
    duty.give(19);
    assert.deepEqual(await decodes(measure()), [
      [1, 'short', 100, 100, 0],
      [2, 'short', 100, 150, 0],
      [4, 'short', 100, 250, 0],
      [1, 'long', 100, 100, 0],
      [1, 'short', 50, 50, 0],
      [4, 'short', 50, 125, 0],
      [1, 'short', 25, 25, 0],
    ]);
    assert.equal(dutyNow(), 19);
  });

  it('take the machine for themselves for the model’s speed, and give it back for the other cases', async () => {
    const { measure, reservations, requests } = setUp();
    await measure();
    // Two trials and five runs of the first case.
    assert.deepEqual(reservations, [0, 7]);
    assert.ok(requests() > 7);
  });

  it('give the machine back if they fail or are stopped', async () => {
    const { measure, stop, reservations } = setUp();
    await assert.rejects(measure(50, () => stop.abort()));
    assert.equal(reservations.length, 2);
  });

  it('use prompts of the stated length and record their conditions', async () => {
    const { measure } = setUp();
    const { measurements, unavailable } = await measure(100);
    assert.deepEqual(unavailable, []);
    const prefills = measurements.filter(({ name }) => name === 'prefill').map(engineConditions);
    assert.deepEqual(
      prefills.map((each) => each?.promptTokens),
      [256, 256, 256, 1_976, 256],
    );
    assert.ok(prefills.every((each) => each?.comfortDutyPercent === 100 && each.model === FAKE_MODEL.id));
    assert.ok(prefills.every((each) => each?.disturbed === false && each.otherJobs === undefined));
  });

  it('stop immediately when the owner returns, and restore the duty cycle', async () => {
    for (const after of [0, 3, 7]) {
      const { duty, measure, stop, dutyNow, requests } = setUp();
      duty.give(25);
      let runs = 0;
      const running = measure(50, () => {
        if (runs++ === after) stop.abort();
      });
      await assert.rejects(running, (error) => isAppError(error, 'aborted'));
      assert.equal(dutyNow(), 25);
      const asked = requests();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(requests(), asked, 'the engine receives no further request');
    }
  });
});

describe('a job that begins during engine measurements', () => {
  it('runs alone and at its own share, and the run that gave way is repeated', async () => {
    const { engine, duty, measure, dutyNow } = setUp();
    duty.give(75);
    let jobs = 0;
    const seen: { dutyPercent: number; activeSequences: number }[] = [];
    /** As the provider does: a job counts from before its first token until after its last one. */
    const job = async () => {
      jobs += 1;
      duty.setJobs(1);
      const request = { prompt: { kind: 'text' as const, text: 'A job' }, maxTokens: 30 };
      const sampling = { temperature: 0, topP: 1, seed: 1, stop: [] };
      for await (const event of engine.generate({ ...request, ...sampling }, new AbortController().signal)) {
        const status = engine.status();
        if (event.type !== 'text' || status.state !== 'ready') continue;
        seen.push({ dutyPercent: dutyNow(), activeSequences: status.activeSequences });
      }
      duty.setJobs(0);
    };
    let last: Promise<void> = Promise.resolve();
    const unsubscribe = engine.onStatus((status) => {
      // In a run of four streams at full speed, and in a throttled one.
      const isRun = status.state === 'ready' && status.activeSequences === (jobs === 0 ? 4 : 1);
      if (jobs < 2 && isRun && (jobs === 0 || dutyNow() === 25)) last = job();
    });
    const { measurements } = await measure();
    unsubscribe();
    await last;
    assert.equal(jobs, 2);
    assert.ok(seen.every(({ dutyPercent }) => dutyPercent === 75));
    const alone = seen.filter(({ activeSequences }) => activeSequences === 1);
    assert.ok(alone.length >= seen.length - 6, `${alone.length} of ${seen.length} tokens alone`);
    const decoded = measurements.filter(({ name }) => name === 'decode');
    assert.deepEqual(
      decoded.map(({ value }) => Math.round(value)),
      [100, 150, 250, 100, 50, 125, 25],
    );
    assert.ok(decoded.every((each) => engineConditions(each)?.otherJobs === undefined));
  });
});

describe('disturbed and failed engine measurements', () => {
  it('restore the duty cycle if the engine dies in a run of several streams', async () => {
    let ends = 0;
    const { fake, duty, measure, dutyNow } = setUp((end) => {
      // Two trial runs and five runs of one stream come first.
      if (++ends === 8) fake.crash();
      return end;
    });
    duty.give(25);
    await assert.rejects(
      measure(),
      (error) => isAppError(error, 'engine-failed') || isAppError(error, 'model-unavailable'),
    );
    assert.equal(dutyNow(), 25);
  });

  it('fail if another model is loaded meanwhile', async () => {
    let runs = 0;
    const { fake, measure } = setUp();
    const running = measure(50, () => {
      if (++runs === 2) void fake.load({ ...FAKE_MODEL, id: 'another' }, LOAD);
    });
    await assert.rejects(
      running,
      (error) => isAppError(error, 'engine-failed') || isAppError(error, 'model-unavailable'),
    );
  });

  it('report disturbance; the rests of the duty cycle do not count as one', async () => {
    const spent = (share: number) => (end: EngineEnd) => {
      const fullMs = { prefillMs: end.prefillMs * share, decodeMs: end.decodeMs * share };
      return { ...end, cpu: fullMs };
    };
    const disturbedAt = async (change: (end: EngineEnd) => EngineEnd) => {
      const { measurements } = await setUp(change).measure();
      return new Set(
        measurements
          .filter((each) => engineConditions(each)?.disturbed)
          .map((each) => each.conditions.dutyPercent),
      );
    };
    // CPU time equals all of the wall time, then half of it: at full speed other programs took the rest.
    assert.deepEqual(await disturbedAt(spent(1)), new Set());
    assert.deepEqual(await disturbedAt(spent(0.5)), new Set([100]));
    assert.deepEqual(await disturbedAt(spent(0.25)), new Set([100, 50]));
    assert.deepEqual(await disturbedAt(spent(0.125)), new Set([100, 50, 25]));
  });

  it('list cases that the machine is too slow for, and always measure the model’s speed', async () => {
    const { measure } = setUp((end) => ({
      ...end,
      prefillMs: end.prefillMs * 500,
      decodeMs: end.decodeMs * 500,
    }));
    const { measurements, unavailable } = await measure(100);
    assert.deepEqual(
      measurements.map(({ name, conditions }) => `${name} ${String(conditions.streams)}`),
      ['prefill 1', 'decode 1'],
    );
    assert.deepEqual(
      unavailable.map(({ mode }) => mode),
      [
        'engine, 2 × short context, 100%',
        'engine, 4 × short context, 100%',
        'engine, 1 × long context, 100%',
        'engine, 1 × short context, 50%',
      ],
    );
  });
});
