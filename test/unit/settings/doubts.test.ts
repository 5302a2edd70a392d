// Verifies: implausible values of settings are asked about, plausible ones and the present one aren't, and the defaults of
//   every profile are plausible.
// Setup: the settings' schema and defaults.
// Fails if: a price of 999999 US dollars is saved without a question, or an everyday value is asked about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstSettings } from '../../../main/agent/profiles.ts';
import { doubtsAbout } from '../../../shared/setting-doubts.ts';
import { DEFAULT_SETTINGS, settingsSchema } from '../../../shared/settings.ts';

test('implausible values are asked about', () => {
  const doubt = (patch: Parameters<typeof doubtsAbout>[0]) => doubtsAbout(patch, DEFAULT_SETTINGS);
  assert.deepEqual(doubt({ priceOutputPerMillion: '999999000000' }), ['priceOutputPerMillion']);
  assert.deepEqual(doubt({ settleThreshold: '1' }), ['settleThreshold']);
  assert.deepEqual(doubt({ modelBudgetBytes: 100_000_000 }), ['modelBudgetBytes']);
  assert.deepEqual(doubt({ powerPriceMicroUsd: 32_000_000 }), ['powerPriceMicroUsd']);
  assert.deepEqual(doubt({ priceInputPerMillion: '30000', language: 'de', powerPriceMicroUsd: null }), []);
});

test('the present value isn’t asked about again', () => {
  const current = { ...DEFAULT_SETTINGS, settleThreshold: '1' };
  assert.deepEqual(doubtsAbout({ settleThreshold: '1' }, current), []);
});

test('the first settings of every profile are plausible; zero is refused outright', () => {
  for (const profile of ['practice', 'office', 'open'] as const) {
    const settings = firstSettings(profile, 'desktop');
    assert.deepEqual(doubtsAbout(settings, { ...settings, settleThreshold: '0', networkFeeMax: '0' }), []);
  }
  for (const zero of [{ settleThreshold: '0' }, { modelBudgetBytes: 0 }, { priceInputPerMillion: '0' }]) {
    assert.ok(!settingsSchema.partial().safeParse(zero).success, JSON.stringify(zero));
  }
});
