/**
 * Goal: what the owner set stays set, what is invalid changes nothing, defaults may improve later.
 * Method: settings on a database in memory, created anew as after a restart.
 * Would break: defaults written down as if chosen, a patch half applied, a bad kept value that stops the start.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import { isAppError } from '../../../shared/errors.ts';
import { DEFAULT_SETTINGS, type Settings, type SettingsPatch } from '../../../shared/settings.ts';

test('a change is kept over a restart, and only what was chosen is kept', () => {
  const { records } = openDatabase(':memory:');
  const first = createSettings({ records, defaults: DEFAULT_SETTINGS });
  assert.deepEqual(first.get(), DEFAULT_SETTINGS);
  const heard: Settings[] = [];
  const stop = first.onChange((settings) => heard.push(settings));
  first.change({ idleMinutes: 9 });
  stop();
  first.change({ language: 'de' });
  assert.deepEqual(heard, [{ ...DEFAULT_SETTINGS, idleMinutes: 9 }]);
  const later = createSettings({
    records,
    defaults: { ...DEFAULT_SETTINGS, runWhen: 'always', idleMinutes: 3 },
  });
  assert.equal(later.get().idleMinutes, 9, 'chosen by the owner');
  assert.equal(later.get().language, 'de');
  assert.equal(later.get().runWhen, 'always', 'never chosen, so the new default counts');
});

test('what is invalid is refused by its name and changes nothing', () => {
  const { records } = openDatabase(':memory:');
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  const invalid: SettingsPatch[] = [
    { idleMinutes: 0 },
    { idleMinutes: 5, priceInputPerMillion: '-1' },
    { language: 'xx' as 'de' },
    { unheardOf: true } as SettingsPatch,
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

test('a field left undefined is a field left alone', () => {
  const { records } = openDatabase(':memory:');
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  settings.change({ idleMinutes: 9 });
  settings.change({ idleMinutes: undefined, notifications: false });
  assert.deepEqual(settings.get(), { ...DEFAULT_SETTINGS, idleMinutes: 9, notifications: false });
});

test('kept values that are no longer valid return to their default, the others stay', () => {
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
