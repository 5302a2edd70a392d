/**
 * Verifies: a place at a relay ends one lifetime after its last renewal, however often it was renewed.
 * Setup: the real signal that libp2p's relay uses, renewed on a clock that the test moves. A signal without the repair shows
 * that the defect is still there: when that test fails, the repair and this file can go.
 * Fails if: the second renewal cuts the streams of a place, or a place that isn't renewed never ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retimeableSignal } from 'retimeable-signal';
import { createRenewals } from '../../../main/adapters/libp2p/renewals.ts';
import { manualClock } from '../../fakes/clock.ts';

const TTL_MS = 60_000;
const FIRST_TTL_MS = 20;

test('a place stays through many renewals and ends one lifetime after the last', async () => {
  const clock = manualClock(0);
  const signal = retimeableSignal(FIRST_TTL_MS);
  const renewals = createRenewals(clock);
  for (let renewal = 0; renewal < 5; renewal += 1) {
    clock.advance(TTL_MS / 2);
    renewals.repair(signal);
    signal.reset(TTL_MS);
  }
  clock.advance(TTL_MS - 1);
  // The signal's own first timer, of the machine's clock, would have ended it by now.
  await new Promise((resolve) => AbortSignal.timeout(2 * FIRST_TTL_MS).addEventListener('abort', resolve));
  assert.equal(signal.aborted, false);
  clock.advance(1);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  renewals.stop();
});

test('the library’s signal still ends after the first renewal’s lifetime', async () => {
  const signal = retimeableSignal(60_000);
  signal.reset(20);
  signal.reset(60_000);
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  assert.ok(signal.aborted);
});
