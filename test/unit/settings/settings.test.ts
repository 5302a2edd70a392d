/**
 * Verifies: the owner's choices are stored, invalid patches change nothing, and defaults can change later.
 * Setup: settings on an in-memory database, created again as after a restart.
 * Fails if: defaults are stored as choices, a patch is applied in part, or an invalid stored value prevents the start.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { DEFAULT_SETTINGS, type Settings, type SettingsPatch } from '../../../shared/settings.ts';

test('stores only what was chosen and keeps it across a restart', () => {
  const { records } = openDatabase(':memory:');
  const first = createSettings({ records, defaults: DEFAULT_SETTINGS });
  assert.deepEqual(first.get(), DEFAULT_SETTINGS);
  const changes: Settings[] = [];
  const stop = first.onChange((settings) => changes.push(settings));
  first.change({ idleMinutes: 9 });
  stop();
  first.change({ language: 'de' });
  assert.deepEqual(changes, [{ ...DEFAULT_SETTINGS, idleMinutes: 9 }]);
  const later = createSettings({
    records,
    defaults: { ...DEFAULT_SETTINGS, runWhen: 'always', idleMinutes: 3 },
  });
  assert.equal(later.get().idleMinutes, 9, 'chosen by the owner');
  assert.equal(later.get().language, 'de');
  assert.equal(later.get().runWhen, 'always', 'never chosen, so the new default applies');
});

test('rejects invalid settings by name and changes nothing', () => {
  const { records } = openDatabase(':memory:');
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  const invalid: SettingsPatch[] = [
    { idleMinutes: 0 },
    { idleMinutes: 5, priceInputPerMillion: '-1' },
    { language: 'xx' as 'de' },
    { unknownSetting: true } as SettingsPatch,
  ];
  for (const patch of invalid) {
    assert.throws(
      () => settings.change(patch),
      (error) => isAppError(error, 'bad-request'),
    );
  }
  assert.throws(() => settings.change({ priceInputPerMillion: 'x' }), /priceInputPerMillion/);
  assert.deepEqual(settings.get(), DEFAULT_SETTINGS);
  assert.equal(records.get('settings', 'owner'), null);
});

test('rejects values that are more likely a slip than a wish, with the accepted range', () => {
  const settings = createSettings({ records: openDatabase(':memory:').records, defaults: DEFAULT_SETTINGS });
  const slips: readonly SettingsPatch[] = [
    { priceInputPerMillion: '0' },
    { priceOutputPerMillion: '0' },
    // 999,999 US dollars per million tokens.
    { priceOutputPerMillion: '999999000000' },
    { settleThreshold: '0' },
    { settleThreshold: '1000000000001' },
    { networkFeeMax: '0' },
    { networkFeeMax: '1000000000000000001' },
    { coinPriceMicroUsd: 0 },
    { modelBudgetBytes: 0 },
  ];
  for (const patch of slips) {
    const [name = ''] = Object.keys(patch);
    assert.throws(
      () => settings.change(patch),
      (error) => isAppError(error, 'bad-request') && error.message.includes(name),
      name,
    );
  }
  assert.throws(
    () => settings.change({ priceOutputPerMillion: '0' }),
    /^AppError: Invalid settings: priceOutputPerMillion must be from 1 to 10000000000 base units\. Nothing was changed\.$/,
  );
  assert.deepEqual(settings.get(), DEFAULT_SETTINGS);
  settings.change({ priceInputPerMillion: '1', networkFeeMax: '1', coinPriceMicroUsd: 3_000_000_000 });
});

test('ignores undefined fields', () => {
  const { records } = openDatabase(':memory:');
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  settings.change({ idleMinutes: 9 });
  settings.change({ idleMinutes: undefined, notifications: false });
  assert.deepEqual(settings.get(), { ...DEFAULT_SETTINGS, idleMinutes: 9, notifications: false });
});

test('stored values that are no longer valid return to their default; the others stay', () => {
  const { records } = openDatabase(':memory:');
  records.set('settings', 'owner', JSON.stringify({ idleMinutes: 'many', notifications: false, gone: 1 }));
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  assert.deepEqual(settings.get(), { ...DEFAULT_SETTINGS, notifications: false });
});

test('choices stored under a former name keep their effect', () => {
  const { records } = openDatabase(':memory:');
  records.set('settings', 'owner', JSON.stringify({ heedFullScreen: false, onlyCheapHours: true }));
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  assert.deepEqual(settings.get(), {
    ...DEFAULT_SETTINGS,
    pauseForFullScreen: false,
    onlyOffPeakHours: true,
  });
});
