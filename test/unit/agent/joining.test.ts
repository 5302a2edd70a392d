/**
 * Verifies: a machine with others in its network joins no other one, and gets the command with which it leaves.
 * Setup: the number of other machines.
 * Fails if: it would leave the others without its owner's decision.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refuseWithOthers } from '../../../main/agent/joining.ts';

test('a machine with others gets the command with which it leaves', () => {
  assert.throws(() => refuseWithOthers(2), /2 other machines.*machines leave/);
  refuseWithOthers(0);
});
