/**
 * Verifies: the dialog about a change of the owner's machines names the machine, and only the button that says so approves.
 * Setup: the dialog's texts in each language, and a confirmer with a question that the test answers.
 * Fails if: Enter or Escape approves, or a page can open several dialogs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMachinesConfirmer, machinesQuestion } from '../../../main/desktop/confirm-machines.ts';
import { LANGUAGES } from '../../../shared/strings/index.ts';

const OPEN = new AbortController().signal;
const JOIN = { change: 'join', machine: null } as const;

test('each change has its texts, names the machine, and declines by default', () => {
  for (const language of LANGUAGES) {
    for (const change of ['join', 'invite-owner', 'remove-owner', 'leave'] as const) {
      const asked = machinesQuestion({ change, machine: 'Second (4567wxyz)' }, language);
      assert.match(asked.detail ?? '', /^Second \(4567wxyz\)\n\n./);
      assert.deepEqual([asked.buttons.length, asked.defaultButton, asked.cancelButton], [2, 0, 0]);
    }
  }
});

test('only the second button approves, one dialog at a time, and none for a lost agent', async () => {
  const answers: ((pressed: number) => void)[] = [];
  const confirm = createMachinesConfirmer({
    language: () => 'en',
    ask: () => new Promise((resolve) => answers.push(resolve)),
  });
  const first = confirm(JOIN, OPEN);
  assert.equal(await confirm(JOIN, OPEN), false, 'while another one is open');
  answers[0]?.(1);
  assert.equal(await first, true);
  const declined = confirm(JOIN, OPEN);
  answers[1]?.(0);
  assert.equal(await declined, false);
  const link = new AbortController();
  const lost = confirm(JOIN, link.signal);
  link.abort();
  answers[2]?.(1);
  assert.equal(await lost, false);
});
