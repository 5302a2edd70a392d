/**
 * Verifies: the evidence against a provider rarely grows by chance, and quickly if its tokens fall short.
 * Setup: exact expectations over all outcomes of short answers, and seeded simulations of whole answers.
 * Fails if: honest providers raise more false alarms than stated, or a cheat needs more tokens than stated.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  addAnswer,
  isAlarm,
  NEW_STANDING,
  type Standing,
  weighAnswer,
} from '../../../main/core/answer-checks/index.ts';
import { mulberry32 } from '../../../main/core/practice/prompts.ts';
import { ANSWERS_PER_FALSE_ALARM, HONEST_GAP_MEAN_MAX } from '../../../shared/answer-check.ts';

const GAP_MAX = 2;
const ANSWER_TOKENS = 64;

/** All answers of so many tokens that are 0 or a gap, with their probabilities. */
function allAnswers(tokens: number, gap: number, share: number): { gaps: number[]; probability: number }[] {
  return Array.from({ length: 2 ** tokens }, (_, bits) => {
    const gaps = Array.from({ length: tokens }, (__, token) => ((bits >> token) & 1) * gap);
    const short = gaps.filter((each) => each > 0).length;
    return { gaps, probability: share ** short * (1 - share) ** (tokens - short) };
  });
}

/** Answers whose tokens fall short by a gap with this probability, independently. */
function answers(seed: number, gap: number, share: number) {
  const random = mulberry32(seed);
  return () => weighAnswer(Array.from({ length: ANSWER_TOKENS }, () => (random() < share ? gap : 0)));
}

describe('evidence of one answer', () => {
  it('has a mean of at most 1 for every honest distribution with the allowed mean', () => {
    fc.assert(
      fc.property(
        fc.double({ min: HONEST_GAP_MEAN_MAX, max: GAP_MAX, noNaN: true }),
        fc.integer({ min: 1, max: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (gap, tokens, part) => {
          const share = (part * HONEST_GAP_MEAN_MAX) / gap;
          const mean = allAnswers(tokens, gap, share).reduce(
            (sum, each) => sum + each.probability * Math.exp(weighAnswer(each.gaps).logEvidence),
            0,
          );
          assert.ok(mean <= 1 + 1e-9, `${mean}`);
        },
      ),
    );
  });

  it('grows with each gap', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: GAP_MAX - 0.1, noNaN: true }), { minLength: 1, maxLength: 50 }),
        fc.nat(),
        (gaps, at) => {
          const worse = gaps.map((gap, index) => (index === at % gaps.length ? gap + 0.1 : gap));
          assert.ok(weighAnswer(worse).logEvidence > weighAnswer(gaps).logEvidence);
        },
      ),
    );
  });

  it('stays a number for long answers', () => {
    for (const gap of [0, GAP_MAX]) {
      const { logEvidence } = weighAnswer(Array.from({ length: 100_000 }, () => gap));
      assert.ok(Number.isFinite(logEvidence));
    }
    assert.throws(() => weighAnswer([]));
  });
});

describe('standing of a provider', () => {
  it('of an honest one raises no more false alarms than stated', () => {
    // The worst honest provider: exactly the allowed mean, in rare, large gaps.
    const next = answers(1, GAP_MAX, HONEST_GAP_MEAN_MAX / GAP_MAX);
    let standing: Standing = NEW_STANDING;
    let alarms = 0;
    const count = 3 * ANSWERS_PER_FALSE_ALARM;
    for (let answer = 0; answer < count; answer += 1) {
      standing = addAnswer(standing, next());
      if (!isAlarm(standing)) continue;
      alarms += 1;
      standing = NEW_STANDING;
    }
    // Three are expected at most; more than nine would be a coincidence of one in 1,000.
    assert.ok(alarms <= 9, `${alarms} alarms`);
  });

  it('of a cheat falls within 100 tokens in 99 of 100 cases, even after years of honest answers', () => {
    let old: Standing = NEW_STANDING;
    const honest = answers(2, 0.15, 0.03);
    for (let answer = 0; answer < 5_000; answer += 1) old = addAnswer(old, honest());
    assert.equal(old.answers, 5_000);
    // A mean of 0.35 is what one step of coarser quantization causes.
    let found = 0;
    for (let run = 0; run < 500; run += 1) {
      const next = answers(100 + run, 1.1, 0.32);
      const cheating = addAnswer(addAnswer(old, next()), weighAnswer(Array(36).fill(0.35)));
      if (isAlarm(cheating)) found += 1;
    }
    assert.ok(found >= 495, `${found} of 500`);
  });

  it('sums up what all answers showed', () => {
    const first = addAnswer(NEW_STANDING, weighAnswer([0, 1]));
    const { answers: count, tokens, differing, gapMean } = addAnswer(first, weighAnswer([0, 0.5, 0, 0.5]));
    assert.deepEqual({ count, tokens, differing }, { count: 2, tokens: 6, differing: 3 });
    assert.ok(Math.abs(gapMean - 2 / 6) < 1e-12);
  });
});
