/**
 * Verifies: the owner confirms one payout address for all machines by the whole address, outside of the pages, and only by
 * the button that names it.
 * Setup: the dialog in every language; a confirmer whose dialogs the test answers.
 * Fails if: an address is shortened; Enter, Escape or a lost agent approves; a page floods the owner with dialogs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPayoutConfirmer, payoutQuestion } from '../../../main/desktop/confirm-payout.ts';

const ADDRESS = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const OPEN = new AbortController().signal;

test('the dialog has the whole address in every language, and Enter and Escape decline', () => {
  for (const language of ['en', 'de', 'es', 'fr'] as const) {
    for (const address of [ADDRESS, null]) {
      const { message, detail, buttons, defaultButton, cancelButton } = payoutQuestion(address, language);
      assert.equal(detail.split('\n').includes(ADDRESS), address !== null);
      assert.doesNotMatch(`${message}${detail}${buttons.join()}`, /[{}]|undefined/);
      assert.deepEqual([buttons.length, defaultButton, cancelButton], [2, 0, 0]);
    }
  }
});

test('only the button that names it approves, one dialog at a time, and none for a lost agent', async () => {
  const answers: ((pressed: number) => void)[] = [];
  const confirm = createPayoutConfirmer({
    language: () => 'en',
    ask: () => new Promise((resolve) => answers.push(resolve)),
  });
  const first = confirm(ADDRESS, OPEN);
  assert.equal(await confirm(null, OPEN), false, 'while another one is open');
  assert.equal(answers.length, 1);
  answers[0]?.(1);
  assert.equal(await first, true);
  const declined = confirm(ADDRESS, OPEN);
  answers[1]?.(0);
  assert.equal(await declined, false);
  const link = new AbortController();
  const lost = confirm(ADDRESS, link.signal);
  link.abort();
  answers[2]?.(1);
  assert.equal(await lost, false);
  assert.equal(await confirm(ADDRESS, link.signal), false);
  assert.equal(answers.length, 3);
});
