/**
 * Verifies: no nonce is accepted twice, whatever the clock does and however many there are, and memory is bounded.
 * Setup: random sequences of nonces and changes of the clock, also backwards; a list of all that were accepted.
 * Fails if: one that was accepted is accepted again, or a request that is signed now is refused without a reason.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createNonces, NONCE_SKEW_MS_MAX, NONCES_MAX } from '../../../main/core/bittensor/nonces.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';

const START_MS = 1_790_000_000_000;
const ns = (atMs: number) => BigInt(atMs) * 1_000_000n;

function isAccepted(use: () => void): boolean {
  try {
    use();
    return true;
  } catch (error) {
    assert.ok(isAppError(error, 'not-permitted', 'busy'));
    return false;
  }
}

/** Nonces of a run that isn't in its first moment any more. */
function openedEarlier() {
  const clock = manualClock(START_MS - NONCE_SKEW_MS_MAX - 1);
  const nonces = createNonces(clock);
  clock.advance(NONCE_SKEW_MS_MAX + 1);
  return { clock, nonces, nowNs: ns(START_MS) };
}

test('accepts each nonce at most once, through any jumps of the clock', () => {
  const step = fc.record({
    jumpMs: fc.constantFrom(0, 0, 0, 5, 500, 3_000, 11_000, -3_000, -11_000, 3_600_000, -3_600_000),
    ageMs: fc.integer({ min: -2_500, max: 11_000 }),
    again: fc.nat(50),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const { clock, nonces } = openedEarlier();
      const accepted: bigint[] = [];
      for (const { jumpMs, ageMs, again } of steps) {
        clock.setTimeBy(jumpMs);
        const known = accepted[accepted.length - 1 - again];
        if (known !== undefined)
          assert.ok(!isAccepted(() => nonces.use('a', { ns: known, id: '' })), 'it was used');
        const fresh = ns(clock.now() - ageMs);
        const isNew = !accepted.includes(fresh);
        if (isAccepted(() => nonces.use('a', { ns: fresh, id: '' }))) {
          assert.ok(isNew);
          accepted.push(fresh);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a flood of an allowed hotkey makes its own oldest nonces too old, and no other hotkey’s', () => {
  const { clock, nonces } = openedEarlier();
  clock.advance(5_000);
  const at = (index: number) => ({ ns: ns(START_MS + 1_000) + BigInt(index), id: '' });
  nonces.use('b', at(0));
  for (let index = 0; index < 3 * NONCES_MAX; index += 1) nonces.use('a', at(index));
  for (let index = 0; index < 3 * NONCES_MAX; index += 100) {
    assert.ok(!isAccepted(() => nonces.use('a', at(index))));
  }
  assert.ok(isAccepted(() => nonces.use('a', at(3 * NONCES_MAX))));
  assert.ok(isAccepted(() => nonces.use('b', at(1))));
});

test('takes equal times under different names', () => {
  const { nonces, nowNs } = openedEarlier();
  assert.ok(isAccepted(() => nonces.use('a', { ns: nowNs, id: 'x' })));
  assert.ok(isAccepted(() => nonces.use('a', { ns: nowNs, id: 'y' })));
  assert.ok(!isAccepted(() => nonces.use('a', { ns: nowNs, id: 'x' })));
});

test('nothing that an earlier run may have accepted is accepted again, and a refusal says when to come', () => {
  for (const signedAheadMs of [0, 1, 1_000, NONCE_SKEW_MS_MAX]) {
    const clock = manualClock(START_MS);
    const earlier = createNonces(clock);
    clock.advance(NONCE_SKEW_MS_MAX + 1);
    const used = { ns: ns(clock.now() + signedAheadMs), id: '' };
    earlier.use('a', used);
    const restarted = createNonces(clock);
    for (let passedMs = 0; passedMs < 15_000; passedMs += 250) {
      assert.ok(
        !isAccepted(() => restarted.use('a', used)),
        `signed ${signedAheadMs} ms ahead, ${passedMs} ms later`,
      );
      clock.advance(250);
    }
    assert.ok(isAccepted(() => restarted.use('a', { ns: ns(clock.now()), id: '' })));
  }
  const clock = manualClock(START_MS);
  const nonces = createNonces(clock);
  const now = () => ({ ns: ns(clock.now()), id: '' });
  assert.throws(() => nonces.use('a', now()), { code: 'busy', details: { retryAfterS: 3 } });
  clock.advance(3_000);
  nonces.use('a', now());
});
