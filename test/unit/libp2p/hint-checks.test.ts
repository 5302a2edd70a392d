/**
 * Verifies: hints of changed offers are passed on only if they are small, well-formed, recent, new and not too many.
 * Setup: the checks alone, on a clock that the test moves.
 * Fails if: a malformed or oversized hint is passed on or goes without blame; a repeated, old or future one is passed on; one
 * origin or many floods those who listen; or an honest peer is blamed because its clock is wrong.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  HINT_BYTES_MAX,
  HINT_CLOCK_MS_MAX,
  HINT_WINDOW_MS,
  HINTS_PER_ORIGIN_MAX,
  HINTS_PER_TOPIC_MAX,
  HintChecks,
  type Verdict,
  writeHint,
} from '../../../main/adapters/libp2p/hint-checks.ts';
import { manualClock } from '../../fakes/clock.ts';

const START_MS = 1_700_000_000_000;
const TOPIC = 'a topic';

function setUp() {
  const clock = manualClock(START_MS);
  const checks = new HintChecks(clock);
  const judge = (atMs: number, origin = 'provider', topic = TOPIC): Verdict =>
    checks.judge({ origin, topic, data: writeHint(atMs) });
  return { clock, checks, judge };
}

test('rejects all but a small JSON object with a time', () => {
  const { checks } = setUp();
  const text = (value: string) => new TextEncoder().encode(value);
  const bad = [
    ...['', 'x', 'null', '[]', '{}', '{"atMs":"1"}', '{"atMs":-1}', '{"atMs":1.5}', '{"atMs":1e999}'].map(
      text,
    ),
    text(`{"atMs":${START_MS},"more":"${'x'.repeat(HINT_BYTES_MAX)}"}`),
    new Uint8Array([0xff, 0xfe]),
  ];
  for (const data of bad) assert.equal(checks.judge({ origin: 'provider', topic: TOPIC, data }), 'reject');
  const later = text(`{"atMs":${START_MS},"of":"a later version"}`);
  assert.equal(checks.judge({ origin: 'provider', topic: TOPIC, data: later }), 'accept');
});

test('rejects any other bytes, and never throws', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2 * HINT_BYTES_MAX }), (data) => {
      const { checks } = setUp();
      assert.equal(checks.judge({ origin: 'provider', topic: TOPIC, data }), 'reject');
    }),
  );
});

test('drops an old hint and one of the future, without blame', () => {
  const { judge } = setUp();
  assert.equal(judge(START_MS - HINT_CLOCK_MS_MAX - 1), 'ignore');
  assert.equal(judge(START_MS + HINT_CLOCK_MS_MAX + 1), 'ignore');
  assert.equal(judge(START_MS - HINT_CLOCK_MS_MAX), 'accept');
  assert.equal(judge(START_MS + HINT_CLOCK_MS_MAX), 'accept');
});

test('passes no hint on twice, whenever it comes again', () => {
  const hint = fc.record({
    origin: fc.nat(3),
    ofMs: fc.integer({ min: -2 * HINT_CLOCK_MS_MAX, max: 2 * HINT_CLOCK_MS_MAX }),
    waitMs: fc.nat(HINT_CLOCK_MS_MAX),
  });
  fc.assert(
    fc.property(fc.array(hint, { minLength: 2, maxLength: 60 }), (hints) => {
      const { clock, judge } = setUp();
      const sent: (readonly [number, string])[] = [];
      const accepted = new Map<string, number>();
      for (const { origin, ofMs, waitMs } of hints) {
        clock.advance(waitMs);
        sent.push([START_MS + ofMs, `provider ${origin}`]);
        for (const [atMs, from] of sent) {
          if (judge(atMs, from) !== 'accept') continue;
          const key = `${from} ${atMs}`;
          accepted.set(key, (accepted.get(key) ?? 0) + 1);
        }
      }
      assert.ok([...accepted.values()].every((times) => times === 1));
    }),
    { numRuns: 100 },
  );
});

test('hears a provider again soon after its clock was set back', () => {
  const { clock, judge } = setUp();
  assert.equal(judge(START_MS + 60_000), 'accept');
  assert.equal(judge(START_MS), 'ignore');
  clock.advance(2 * HINT_CLOCK_MS_MAX + 1);
  assert.equal(judge(clock.now() - 60_000), 'accept');
});

test('passes on a limited number of hints of one origin, and then of others', () => {
  const { clock, judge } = setUp();
  const flood = () =>
    Array.from({ length: 500 }, (_, index) => judge(clock.now() + index, 'flooder')).filter(
      (verdict) => verdict === 'accept',
    ).length;
  assert.equal(flood(), HINTS_PER_ORIGIN_MAX);
  assert.equal(judge(clock.now(), 'honest'), 'accept');
  clock.advance(HINT_WINDOW_MS);
  assert.equal(flood(), HINTS_PER_ORIGIN_MAX);
});

test('passes on a limited number of hints of any number of origins, in each topic', () => {
  const { clock, judge } = setUp();
  const flood = (topic: string) =>
    Array.from({ length: 5_000 }, (_, index) => judge(clock.now(), `stranger ${index}`, topic)).filter(
      (verdict) => verdict === 'accept',
    ).length;
  assert.equal(flood(TOPIC), HINTS_PER_TOPIC_MAX);
  assert.equal(flood('another topic'), HINTS_PER_TOPIC_MAX);
  clock.advance(HINT_WINDOW_MS);
  assert.equal(judge(clock.now(), 'honest'), 'accept');
});
