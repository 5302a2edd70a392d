/**
 * Verifies: offers never promise more than the current speed; the model's speed is that of one stream at full speed.
 * Setup: hand-written benchmarks, in the formats of this and earlier versions.
 * Fails if: the full speed of a throttled machine is promised, the speed of four streams is promised to one, or a
 * benchmark of an earlier version is ignored.
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

describe('speeds for offers', () => {
  it('uses the speed measured at this duty cycle, or its share of the next higher one', () => {
    const measured = measuredFrom([WITHIN]);
    assert.deepEqual(measured.speedsAt(SERVED, 100), {
      prefillTokensPerSecond: 1_000,
      decodeTokensPerSecond: 100,
    });
    assert.deepEqual(measured.speedsAt(SERVED, 75), {
      prefillTokensPerSecond: 770,
      decodeTokensPerSecond: 77,
    });
    // Without a measurement at this duty cycle: a share of the speed at the owner's intensity, which is nearer than
    // full speed.
    assert.equal(measured.speedsAt(SERVED, 38).decodeTokensPerSecond, (77 * 38) / 75);
    assert.equal(measured.speedsAt(SERVED, 90).decodeTokensPerSecond, 90);
    assert.deepEqual(measured.speedsAt({ ...SERVED, modelId: 'another' }, 100), {
      prefillTokensPerSecond: null,
      decodeTokensPerSecond: null,
    });
  });

  it('uses the newest benchmark: the speed at an old intensity does not outlive it', () => {
    const faster = speed(200, { streams: 1, context: 'short', dutyPercent: 100 });
    assert.equal(decodeOf([faster, WITHIN], {}, 75), 150);
    assert.equal(decodeOf([faster, WITHIN], {}, 100), 200);
  });

  it('scales by threads at most down, and ignores other backends', () => {
    assert.equal(decodeOf([FULL], { threads: 1 }, 100), 25);
    assert.equal(decodeOf([FULL], { threads: 8 }, 100), 100);
    assert.equal(decodeOf([FULL], { backend: 'cuda' }, 100), null);
    assert.equal(decodeOf([FULL], { backend: null, threads: null }, 100), 100);
    const one = speed(40, { threads: 1 });
    assert.equal(decodeOf([FULL, one], { threads: 1 }, 100), 40, 'measured with exactly these threads');
    const card = speed(300, {}, { mode: 'cuda' });
    assert.equal(decodeOf([card], { backend: 'cuda', threads: 1 }, 100), 300);
  });

  it('ignores speeds measured alongside other jobs', () => {
    const beside = speed(60, { otherJobs: 1 });
    assert.equal(decodeOf([beside], {}, 100), null);
    assert.equal(decodeOf([beside, FULL], {}, 100), 100);
  });

  it('treats measurements of earlier versions as full speed, and scales them at a lower duty cycle', () => {
    const before = speed(100, { contextTokens: 2_048, sequences: 4, promptWords: 256, decodeTokens: 64 });
    assert.equal(decodeOf([before], {}, 100), 100);
    assert.equal(decodeOf([before], {}, 50), 50);
    assert.equal(measuredFrom([before]).newest('m', 'decode')?.value, 100);
  });

  it('defines the model’s speed by one stream with a short prompt at full speed only', () => {
    const measured = measuredFrom([[...WITHIN].reverse()]);
    assert.equal(measured.newest('m', 'decode')?.value, 100);
    assert.equal(measured.newest('m', 'prefill')?.value, 1_000);
    assert.equal(measured.newest('another', 'decode'), null);
    const cpu: Measurement = { ...(FULL[0] as Measurement), name: 'cpu-arithmetic', unit: 'gflops' };
    assert.equal(measuredFrom([[cpu]]).newest('m', 'decode'), null);
  });
});
