// Verifies: a page that ends is loaded again three times, then the owner is asked; a page that lived long enough, or that
//   the owner tried again, gets its three reloads back.
// Setup: a clock that the test sets.
// Fails if: a page that crashes as it loads is reloaded forever, or one that crashes once a day is given up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPageRecovery } from '../../../main/desktop/page-recovery.ts';

const HEALTHY_MS = 5 * 60_000;

test('three reloads, then a question', () => {
  const recovery = createPageRecovery(() => 0);
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(() => recovery.gone()),
    ['reload', 'reload', 'reload', 'ask', 'ask'],
  );
});

test('a page that lived for five minutes counts from zero, one that lived shorter doesn’t', () => {
  let nowMs = 0;
  const recovery = createPageRecovery(() => nowMs);
  for (let count = 0; count < 10; count += 1) {
    nowMs += HEALTHY_MS;
    assert.equal(recovery.gone(), 'reload');
  }
  nowMs += HEALTHY_MS - 1;
  assert.deepEqual([recovery.gone(), recovery.gone(), recovery.gone()], ['reload', 'reload', 'ask']);
});

test('trying again gives three more reloads', () => {
  const recovery = createPageRecovery(() => 0);
  for (let count = 0; count < 4; count += 1) recovery.gone();
  recovery.reset();
  assert.deepEqual(
    [1, 2, 3, 4].map(() => recovery.gone()),
    ['reload', 'reload', 'reload', 'ask'],
  );
});
