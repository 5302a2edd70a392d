/**
 * Verifies: what is asked of a Horde by the measured speed ends within half of a job's time, and nothing longer is taken.
 * Setup: drawn speeds, contexts and times; pure functions.
 * Fails if: a job at the limits takes longer than half its time, a limit exceeds the model's context or what the server
 *   allows, or a job beyond the limits passes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canEnd, commonLimits, limitsOf } from '../../../main/core/horde/limits.ts';
import {
  hordeModelsSchema,
  hordeUrlSchema,
  hordeWorkerNameSchema,
  kudosOf,
  kudosUnits,
  suggestedHordeName,
} from '../../../shared/horde.ts';

const drawn = fc.record({
  prefill: fc.double({ min: 0.01, max: 100_000, noNaN: true }),
  decode: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
  context: fc.integer({ min: 1, max: 200_000 }),
  ttlMs: fc.integer({ min: 1_000, max: 3_600_000 }),
  promptBytes: fc.integer({ min: 0, max: 60_000 }),
});

test('a job at the limits ends in half its time, and one beyond them isn’t taken', () => {
  fc.assert(
    fc.property(drawn, ({ prefill, decode, context, ttlMs, promptBytes }) => {
      const speeds = { prefillTokensPerSecond: prefill, decodeTokensPerSecond: decode };
      const limits = limitsOf(speeds, context, ttlMs);
      if (typeof limits === 'string') return;
      assert.ok(limits.answerTokens >= 16 && limits.answerTokens <= 1_024);
      assert.ok(limits.contextTokens <= Math.min(context, 32_768));
      assert.ok(limits.contextTokens > limits.answerTokens);
      const job = { answerTokens: limits.answerTokens, prompt: 'x'.repeat(promptBytes), ttlMs };
      assert.ok(canEnd(job, limits, speeds));
      assert.ok(!canEnd({ ...job, answerTokens: limits.answerTokens + 1 }, limits, speeds));
      assert.ok(!canEnd({ ...job, ttlMs: (limits.answerTokens / decode) * 1_000 }, limits, speeds));
    }),
    { numRuns: 300 },
  );
});

test('several models are asked for with what each of them can do', () => {
  const limits = commonLimits([
    { answerTokens: 900, contextTokens: 2_048 },
    { answerTokens: 100, contextTokens: 4_096 },
  ]);
  assert.deepEqual(limits, { answerTokens: 100, contextTokens: 2_048 });
});

test('names a model as the Horde’s reference does, without its file type', () => {
  const names = {
    'SmolLM2 135M Instruct': 'SmolLM2-135M-Instruct',
    'Llama-3.2-3B-Instruct-Q4_K_M.gguf': 'Llama-3.2-3B-Instruct',
    'ollama/llama3.2:3b': 'ollama/llama3.2:3b',
    'qwen3-8b-iq3_xs': 'qwen3-8b',
    '??': 'model',
  };
  for (const [name, expected] of Object.entries(names)) assert.equal(suggestedHordeName(name), expected);
});

test('an address that would send the key in the clear, and names that the server refuses, are not taken', () => {
  const isUrl = (url: string) => hordeUrlSchema.safeParse(url).success;
  for (const url of ['https://aihorde.net', 'https://horde.example:8443', 'http://127.0.0.1:7001'])
    assert.ok(isUrl(url), url);
  for (const url of [
    'http://aihorde.net',
    'https://a.example/path',
    'https://user@a.example',
    'http://127.0.0.1.example',
  ])
    assert.ok(!isUrl(url), url);
  const isName = (name: string) => hordeWorkerNameSchema.safeParse(name).success;
  assert.ok(isName('Idlewatt 1a2b3c4d'));
  for (const name of ['my colab', 'TPU-1', 'x', 'a\nb']) assert.ok(!isName(name), name);
  const twice = [
    { id: 'a', name: 'same' },
    { id: 'b', name: 'same' },
  ];
  assert.ok(!hordeModelsSchema.safeParse(twice).success);
});

test('kudos are an asset of their own, in hundredths', () => {
  assert.equal(kudosUnits(12.345), 1_234n);
  assert.equal(kudosUnits(0.001), 0n);
  assert.equal(kudosOf('horde:aihorde.net/kudos')?.symbol, 'kudos');
  assert.equal(kudosOf('eip155:8453/0xabc'), null);
});
