/**
 * Goal: what is promised is what is given now, never more; the model's speed is one stream's at full speed.
 * Method: benchmarks written down by hand, as this version and earlier ones kept them.
 * Would break: the full speed promised of a throttled machine, four streams' speed promised to one, a benchmark of
 * an earlier version that is forgotten.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { measuredFrom, type Served } from '../../../main/core/benchmark/measured.ts';
import type { Measurement } from '../../../shared/api/state.ts';

function speed(value: number, conditions: Measurement['conditions'] = {}, more: Partial<Measurement> = {}) {
  const both = (name: 'prefill' | 'decode'): Measurement => ({
    name,
    mode: 'cpu',
    value: name === 'decode' ? value : value * 10,
    unit: 'tokens-per-second',
    spreadPercent: 1,
    runs: 5,
    conditions: { model: 'm', threads: 4, ...conditions },
    atMs: 1,
    ...more,
  });
  return [both('prefill'), both('decode')];
}

const SERVED: Served = { modelId: 'm', backend: 'cpu', threads: 4 };
const FULL = [
  ...speed(100, { streams: 1, context: 'short', dutyPercent: 100 }),
  ...speed(250, { streams: 4, context: 'short', dutyPercent: 100 }),
  ...speed(90, { streams: 1, context: 'long', dutyPercent: 100 }),
];
const WITHIN = [...FULL, ...speed(77, { streams: 1, context: 'short', dutyPercent: 75 })];
const decodeOf = (benchmarks: Measurement[][], served: Partial<Served>, dutyPercent: number) =>
  measuredFrom(benchmarks).speedsAt({ ...SERVED, ...served }, dutyPercent).decodeTokensPerSecond;

describe('what was measured', () => {
  it('is promised as it is given: as measured at that share of the time, or by the next higher one', () => {
    const measured = measuredFrom([WITHIN]);
    assert.deepEqual(measured.speedsAt(SERVED, 100), {
      prefillTokensPerSecond: 1_000,
      decodeTokensPerSecond: 100,
    });
    assert.deepEqual(measured.speedsAt(SERVED, 75), {
      prefillTokensPerSecond: 770,
      decodeTokensPerSecond: 77,
    });
    // No measurement at this share: its part of the comfort's speed, which is nearer to it than the full one.
    assert.equal(measured.speedsAt(SERVED, 38).decodeTokensPerSecond, (77 * 38) / 75);
    assert.equal(measured.speedsAt(SERVED, 90).decodeTokensPerSecond, 90);
    assert.deepEqual(measured.speedsAt({ ...SERVED, modelId: 'another' }, 100), {
      prefillTokensPerSecond: null,
      decodeTokensPerSecond: null,
    });
  });

  it('is the newest: an old comfort’s speed does not outlive a new measurement', () => {
    const faster = speed(200, { streams: 1, context: 'short', dutyPercent: 100 });
    assert.equal(decodeOf([faster, WITHIN], {}, 75), 150);
    assert.equal(decodeOf([faster, WITHIN], {}, 100), 200);
  });

  it('counts for what computes: other threads give their share at most, another backend nothing', () => {
    assert.equal(decodeOf([FULL], { threads: 1 }, 100), 25);
    assert.equal(decodeOf([FULL], { threads: 8 }, 100), 100);
    assert.equal(decodeOf([FULL], { backend: 'cuda' }, 100), null);
    assert.equal(decodeOf([FULL], { backend: null, threads: null }, 100), 100);
    const one = speed(40, { threads: 1 });
    assert.equal(decodeOf([FULL, one], { threads: 1 }, 100), 40, 'measured with just these threads');
    const card = speed(300, {}, { mode: 'cuda' });
    assert.equal(decodeOf([card], { backend: 'cuda', threads: 1 }, 100), 300);
  });

  it('says nothing where the engine worked for others too', () => {
    const beside = speed(60, { otherJobs: 1 });
    assert.equal(decodeOf([beside], {}, 100), null);
    assert.equal(decodeOf([beside, FULL], {}, 100), 100);
  });

  it('of earlier versions counts as full speed, and its share is promised at a lower duty', () => {
    const before = speed(100, { contextTokens: 2_048, sequences: 4, promptWords: 256, decodeTokens: 64 });
    assert.equal(decodeOf([before], {}, 100), 100);
    assert.equal(decodeOf([before], {}, 50), 50);
    assert.equal(measuredFrom([before]).newest('m', 'decode')?.value, 100);
  });

  it('stands for the model by one stream after a short prompt at full speed alone', () => {
    const measured = measuredFrom([[...WITHIN].reverse()]);
    assert.equal(measured.newest('m', 'decode')?.value, 100);
    assert.equal(measured.newest('m', 'prefill')?.value, 1_000);
    assert.equal(measured.newest('another', 'decode'), null);
    const cpu: Measurement = { ...(FULL[0] as Measurement), name: 'cpu-arithmetic', unit: 'gflops' };
    assert.equal(measuredFrom([[cpu]]).newest('m', 'decode'), null);
  });
});
