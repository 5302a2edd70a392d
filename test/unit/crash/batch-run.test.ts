/**
 * Verifies: the comparison of a batch's lines with the charged jobs of its buyer finds every difference.
 * Setup: lines and charges by hand.
 * Fails if: a line that was paid twice, one with another charge, or a charged job of no line is overlooked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../../crash/batch-run.ts';

const line = (customId: string, charged: string | null, ...jobs: string[]) => ({
  ...{ custom_id: customId, idlewatt: { charged, jobs } },
});
const costs = (entries: Record<string, bigint>) => new Map(Object.entries(entries));
const AGREED = { paidTwice: [], wrong: [], strays: [] };

test('lines that agree with the jobs are in order, also with jobs that cost nothing', () => {
  const lines = [line('one', '5', 'a-1', 'a-2'), line('two', '7', 'b-1'), line('free', null)];
  assert.deepEqual(compare(lines, costs({ a2: 5n, b1: 7n })), AGREED);
});

test('a line that was paid twice, one with another charge, and a job of no line are found', () => {
  const lines = [line('twice', '10', 'a-1', 'a-2'), line('other', '6', 'b-1'), line('lacking', null, 'c-1')];
  assert.deepEqual(compare(lines, costs({ a1: 5n, a2: 5n, b1: 5n, c1: 5n, d1: 5n })), {
    paidTwice: ['twice'],
    wrong: ['other', 'lacking'],
    strays: ['d1'],
  });
});
