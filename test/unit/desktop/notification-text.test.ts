// Verifies: every kind of notification has a title and a text in every language, with its amount and its number of jobs.
// Setup: one notification of each kind, and of each decision.
// Fails if: a key or a placeholder is shown instead of words, practice money looks like real money, or a text is missing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notificationText } from '../../../main/desktop/notification-text.ts';
import { DECISION_CODES, type OwnerNotification } from '../../../shared/notification.ts';
import { LANGUAGES } from '../../../shared/strings/index.ts';

const USDC = { id: 'eip155:8453/0x1', symbol: 'USDC', decimals: 6, practice: false };
const payout = (practice: boolean): OwnerNotification => ({
  kind: 'payout',
  asset: { ...USDC, practice },
  amount: '1250000',
});
const EVERY: readonly OwnerNotification[] = [
  ...DECISION_CODES.map((code) => ({ kind: 'decision', code }) as const),
  payout(false),
  { kind: 'week', asset: USDC, earned: '3000000', jobs: 12 },
];

test('every kind has its words in every language', () => {
  for (const language of LANGUAGES) {
    const seen = new Set<string>();
    for (const notification of EVERY) {
      const { title, body } = notificationText(notification, language);
      const what = `${language}: ${JSON.stringify(notification)}`;
      for (const words of [title, body]) {
        assert.match(words, /\p{L}{2}/u, what);
        assert.doesNotMatch(words, /\{\{|\}\}|^[a-z]+\.[\w.-]+$/, what);
      }
      seen.add(body);
    }
    assert.equal(seen.size, EVERY.length, `${language}: two kinds have the same text`);
  }
});

test('amounts and counts are in the text, and practice money says so', () => {
  assert.match(notificationText(payout(false), 'en').body, /1\.25 USDC/);
  assert.match(notificationText(payout(false), 'de').body, /1,25 USDC/);
  assert.match(notificationText(payout(true), 'en').body, /practice/i);
  const week = notificationText({ kind: 'week', asset: USDC, earned: '3000000', jobs: 12 }, 'en').body;
  assert.match(week, /3 USDC/);
  assert.match(week, /12/);
});
