// Verifies: the owner confirms a transfer by its exact facts, outside of the pages, and only a press of the button that
//   names the transfer approves it.
// Setup: the dialog for every action, warning and kind of money in both languages; a confirmer with scripted answers.
// Fails if: an amount is rounded or an address shortened; real and practice money look alike; Enter, Escape, an expiry
//   or a lost agent approves; two dialogs are open at the same time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Question } from '../../../main/desktop/ask.ts';
import { createSpendConfirmer, spendQuestion } from '../../../main/desktop/confirm-spend.ts';
import { type SpendSummary, spendWarningSchema } from '../../../shared/api/wallet.ts';

const NOW_MS = Date.UTC(2026, 10, 23, 12);
const USDC = { id: 'eip155:8453/0xusdc', symbol: 'USDC', decimals: 6, practice: false };
const ETH = { id: 'eip155:8453/native', symbol: 'ETH', decimals: 18, practice: false };
const SEND: SpendSummary = {
  action: 'send',
  networkName: 'Base',
  asset: USDC,
  coin: ETH,
  from: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  to: '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
  amount: '1234567',
  fee: '63000000000001',
  total: '1234567',
  warnings: [],
  smallTest: false,
  replaces: null,
  payout: null,
  expiresAtMs: NOW_MS + 60_000,
};
const practice = <T extends { practice: boolean }>(asset: T): T => ({ ...asset, practice: true });

test('the dialog has every fact, to the last digit and character', () => {
  const { message, detail, buttons } = spendQuestion(SEND, 'en');
  assert.equal(message, 'Send 1.234567 USDC?');
  assert.deepEqual(buttons, ['Don’t send', 'Send 1.234567 USDC']);
  for (const fact of [
    'Amount: 1.234567 USDC',
    `To: ${SEND.to}`,
    `From: ${SEND.from}`,
    'Network: Base',
    'Network fee: up to 0.000063000000000001 ETH',
    'Total: up to 1.234567 USDC + 0.000063000000000001 ETH',
  ]) {
    assert.ok(detail.split('\n').includes(fact), fact);
  }
});

test('a payout names its customer, and a transfer of the owner’s none', () => {
  const payout = { customerId: 'key:0011223344556677', name: 'Ada' };
  const named = spendQuestion({ ...SEND, payout }, 'en').detail;
  assert.match(named, /^Payout of the balance of: Ada \(0011223344556677\)$/m);
  const unnamed = { customerId: `payer:${SEND.to}`, name: null };
  assert.match(
    spendQuestion({ ...SEND, payout: unnamed }, 'en').detail,
    new RegExp(`balance of: ${SEND.to}$`, 'm'),
  );
  assert.doesNotMatch(spendQuestion(SEND, 'en').detail, /Payout/);
});

test('the total in the native coin includes the fee once', () => {
  const coin = { ...SEND, asset: ETH, amount: '1000000000000000000', total: '1000063000000000001' };
  assert.match(spendQuestion(coin, 'en').detail, /Total: up to 1\.000063000000000001 ETH$/m);
});

test('practice money is labeled in amount and sentence, and real money is said to be irrecoverable', () => {
  const real = spendQuestion(SEND, 'en');
  const exercise = spendQuestion({ ...SEND, asset: practice(USDC), coin: practice(ETH) }, 'en');
  assert.match(real.detail, /This is real money/);
  assert.doesNotMatch(real.message + real.detail, /practice/);
  assert.match(exercise.message, /practice USDC/);
  assert.match(exercise.detail, /worth nothing/);
  assert.doesNotMatch(exercise.detail, /real money/);
});

test('every action and warning has a text in every language, and Enter and Escape decline', () => {
  for (const language of ['en', 'de'] as const) {
    const plain = spendQuestion(SEND, language).detail;
    for (const warning of spendWarningSchema.options) {
      assert.ok(spendQuestion({ ...SEND, warnings: [warning] }, language).detail.length > plain.length + 20);
    }
    for (const action of ['send', 'speed-up', 'cancel'] as const) {
      const asked = spendQuestion({ ...SEND, action, replaces: `0x${'ab'.repeat(32)}` }, language);
      assert.doesNotMatch(`${asked.message}${asked.detail}${asked.buttons.join()}`, /[{}]|undefined/);
      assert.ok(asked.detail.includes(`0x${'ab'.repeat(32)}`));
      assert.equal(asked.defaultButton, 0);
      assert.equal(asked.cancelButton, 0);
      assert.equal(asked.buttons.length, 2);
    }
  }
});

/** A confirmer whose dialogs the test answers. */
function scripted(nowMs = NOW_MS) {
  const shown: { question: Question; signal: AbortSignal; press: (button: number) => void }[] = [];
  const confirmer = createSpendConfirmer({
    language: () => 'en',
    now: () => nowMs,
    ask: (question, signal) =>
      new Promise((resolve) => {
        shown.push({ question, signal, press: resolve });
        signal.addEventListener('abort', () => resolve(question.cancelButton));
      }),
  });
  return { confirmer, shown, settle: () => new Promise((resolve) => setImmediate(resolve)) };
}
const forever = () => new AbortController().signal;

test('only the second button approves', async () => {
  for (const [pressed, approved] of [
    [0, false],
    [1, true],
    [-1, false],
    [2, false],
  ] as const) {
    const { confirmer, shown, settle } = scripted();
    const answer = confirmer.confirm(SEND, forever());
    await settle();
    shown[0]?.press(pressed);
    assert.equal(await answer, approved);
  }
});

test('one dialog at a time, in the order of the requests', async () => {
  const { confirmer, shown, settle } = scripted();
  const first = confirmer.confirm(SEND, forever());
  const second = confirmer.confirm({ ...SEND, amount: '5' }, forever());
  await settle();
  assert.equal(shown.length, 1);
  shown[0]?.press(1);
  assert.equal(await first, true);
  await settle();
  assert.equal(shown.length, 2);
  assert.match(shown[1]?.question.message ?? '', /0\.000005/);
  shown[1]?.press(0);
  assert.equal(await second, false);
});

test('the end of the agent closes the dialog and declines, even if the button was pressed at the same time', async () => {
  const { confirmer, shown, settle } = scripted();
  const gone = new AbortController();
  const answer = confirmer.confirm(SEND, gone.signal);
  await settle();
  gone.abort();
  shown[0]?.press(1);
  assert.equal(await answer, false);
});

test('an expired transfer opens no dialog', async () => {
  const { confirmer, shown } = scripted(SEND.expiresAtMs);
  assert.equal(await confirmer.confirm(SEND, forever()), false);
  assert.equal(shown.length, 0);
});
