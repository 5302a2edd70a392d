/**
 * Verifies: the owner confirms outside of the pages, by a dialog with every fact of the question, and only by the button that
 * names what happens.
 * Setup: the dialogs in each language; a confirmer whose dialogs the test answers.
 * Fails if: an address is shortened, a machine, a customer or an amount isn't named, Enter, Escape or a lost agent approves, or
 * a page floods the owner with dialogs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createConfirmer, ownerQuestion } from '../../../main/desktop/confirm.ts';
import { payoutQuestion } from '../../../main/desktop/payout-question.ts';
import { LANGUAGES, type Language } from '../../../shared/strings/index.ts';

const ADDRESS = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC';
const OPEN = new AbortController().signal;
const USDC = { id: 'eip155:8453/erc20:0x8335', symbol: 'USDC', decimals: 6, practice: false };

function assertDeclinesByDefault({
  message,
  detail,
  buttons,
  defaultButton,
  cancelButton,
}: ReturnType<typeof payoutQuestion>) {
  assert.deepEqual([buttons.length, defaultButton, cancelButton], [2, 0, 0]);
  assert.doesNotMatch(`${message}${detail}${buttons.join()}`, /[{}]|undefined/);
}

test('the dialog of a payout address has all of it, or says that there is none', () => {
  for (const language of LANGUAGES) {
    for (const address of [ADDRESS, null]) {
      const asked = payoutQuestion(address, language);
      assert.equal(asked.detail.split('\n').includes(ADDRESS), address !== null);
      assertDeclinesByDefault(asked);
    }
  }
});

test('each change of the machines has its texts, and names the machine', () => {
  for (const language of LANGUAGES) {
    for (const change of ['join', 'invite-owner', 'remove-owner', 'leave'] as const) {
      const asked = ownerQuestion({ about: 'machines', change, machine: 'Second (4567wxyz)' }, language);
      assert.match(asked.detail, /^Second \(4567wxyz\)\n\n./);
      assertDeclinesByDefault(asked);
    }
  }
});

test('a credit names the customer and the amount, also on the button', () => {
  for (const language of LANGUAGES) {
    const asked = ownerQuestion(
      { about: 'credit', customer: 'Ada’s research group', asset: USDC, amount: '5250000' },
      language,
    );
    assert.match(asked.detail, /^Ada’s research group\n\n./);
    for (const part of [asked.message, asked.buttons[1] ?? '']) assert.match(part, /5[.,]25.USDC/);
    assertDeclinesByDefault(asked);
  }
});

test('only the second button approves, one dialog at a time, and none for a lost agent', async () => {
  const answers: ((pressed: number) => void)[] = [];
  const confirm = createConfirmer({
    language: (): Language => 'en',
    ask: () => new Promise<number>((resolve) => answers.push(resolve)),
    question: payoutQuestion,
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
