/**
 * Verifies: on any machine the benchmark takes at most a few minutes, and the model's speed is always measured.
 * Setup: properties over any pace, context and intensity; a fast machine as an example.
 * Fails if: a measurement takes an hour on an old laptop, a prompt exceeds the context, or cases repeat each other.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { casesFor, sizeOf } from '../../../main/core/benchmark/engine-cases.ts';
import { COMFORT_MAX, comfortLimits, comfortSchema } from '../../../shared/comfort.ts';

const FAST = { prefillTokensPerSecond: 5_000, decodeTokensPerSecond: 200, tokensPerWord: 1 };
const named = (sequences: number, comfortDutyPercent: number) =>
  casesFor('machine', sequences, comfortDutyPercent).map(
    ({ streams, context, dutyPercent }) => `${streams} ${context} ${dutyPercent}`,
  );

test('covers all loaded sequences, a long context, the owner’s intensity if it differs, and a throttled case', () => {
  assert.deepEqual(named(4, 100), ['1 short 100', '2 short 100', '4 short 100', '1 long 100', '1 short 50']);
  assert.deepEqual(named(1, 100), ['1 short 100', '1 long 100', '1 short 50']);
  assert.deepEqual(named(1, 50), ['1 short 100', '1 long 100', '1 short 50', '1 short 25']);
  assert.deepEqual(named(3, 75).slice(-3), ['1 short 75', '2 short 75', '1 short 38']);
});

test('measures a further model only at full speed and at the owner’s intensity', () => {
  const model = (comfort: number) =>
    casesFor('model', 4, comfort).map((each) => [each.streams, each.dutyPercent]);
  assert.deepEqual(model(100), [[1, 100]]);
  assert.deepEqual(model(50), [
    [1, 100],
    [1, 50],
  ]);
});

test('uses full-size cases on a fast machine', () => {
  const sizes = casesFor('machine', 4, 100).map((each) => sizeOf(each, 2_048, FAST));
  const short = { promptWords: 256, decodeTokens: 64 };
  assert.deepEqual(sizes, [short, short, short, { promptWords: 1_976, decodeTokens: 64 }, short]);
});

test('skips a long context that is hardly longer than the short one', () => {
  const long = casesFor('machine', 1, 100).find(({ context }) => context === 'long');
  assert.ok(long !== undefined);
  assert.equal(sizeOf(long, 512, FAST), 'no-longer');
  assert.notEqual(sizeOf(long, 1_024, FAST), 'no-longer');
});

test('at any pace, each run fits the context and all runs end in time', () => {
  const speed = fc.double({ min: 0.5, max: 20_000, noNaN: true });
  fc.assert(
    fc.property(
      fc.record({
        prefillTokensPerSecond: speed,
        decodeTokensPerSecond: speed,
        tokensPerWord: fc.double({ min: 1, max: 3, noNaN: true }),
      }),
      fc.integer({ min: 512, max: 8_192 }),
      fc.integer({ min: 1, max: COMFORT_MAX }),
      (pace, contextTokens, comfort) => {
        const { dutyPercent } = comfortLimits(comfortSchema.parse(comfort));
        let worstMs = 0;
        for (const [index, each] of casesFor('machine', 4, dutyPercent).entries()) {
          const size = sizeOf(each, contextTokens, pace, index === 0);
          if (index === 0) assert.ok(typeof size === 'object', 'the model’s speed is always measured');
          if (typeof size === 'string') continue;
          const promptTokens = size.promptWords * pace.tokensPerWord;
          assert.ok(size.promptWords > 0 && size.decodeTokens > 0);
          assert.ok(promptTokens + size.decodeTokens <= contextTokens);
          const runMs =
            ((100_000 * each.streams) / each.dutyPercent) *
            (promptTokens / pace.prefillTokensPerSecond + size.decodeTokens / pace.decodeTokensPerSecond);
          // The last run starts in time and ends one run later.
          worstMs += Math.min(runMs * each.runsMax, each.budgetMs + runMs);
          if (index > 0) assert.ok(runMs <= each.budgetMs);
        }
        // The first case alone may take 112 s, at 0.5 tokens/s.
        assert.ok(worstMs < 270_000, `${worstMs} ms`);
      },
    ),
    { numRuns: 500 },
  );
});
