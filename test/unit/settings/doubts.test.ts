// Verifies: implausible values of settings are asked about, plausible ones and the present one aren't, and the defaults of
//   every profile are plausible.
// Setup: the settings' schema and defaults.
// Fails if: a price of 999999 US dollars is saved without a question, or an everyday value is asked about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstSettings } from '../../../main/agent/profiles.ts';
import { DOUBTFUL_SETTINGS, doubtsAbout } from '../../../shared/setting-doubts.ts';
import { DEFAULT_SETTINGS, settingsSchema } from '../../../shared/settings.ts';
import en from '../../../shared/strings/en.json' with { type: 'json' };

test('implausible values are asked about', () => {
  const doubt = (patch: Parameters<typeof doubtsAbout>[0]) => doubtsAbout(patch, DEFAULT_SETTINGS);
  assert.deepEqual(doubt({ priceOutputPerMillion: '999999000000' }), ['priceOutputPerMillion']);
  assert.deepEqual(doubt({ settleThreshold: '1' }), ['settleThreshold']);
  assert.deepEqual(doubt({ modelBudgetBytes: 100_000_000 }), ['modelBudgetBytes']);
  assert.deepEqual(doubt({ powerPriceMicroUsd: 32_000_000 }), ['powerPriceMicroUsd']);
  assert.deepEqual(doubt({ buyDayMax: '250000000' }), ['buyDayMax']);
  assert.deepEqual(doubt({ wattsMax: 2 }), ['wattsMax']);
  assert.deepEqual(doubt({ priceInputPerMillion: '30000', language: 'de', powerPriceMicroUsd: null }), []);
});

test('every question names the plausible values, and no more than them', () => {
  const { doubt } = en;
  for (const name of DOUBTFUL_SETTINGS) {
    assert.match(doubt[name], /\{\{(from|to)\}\}/, name);
    assert.doesNotMatch(doubt[name].replaceAll('1 {{coin}}', ''), /\d/, name);
  }
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
