// Verifies: the menu of macOS has the usual roles, without which their shortcuts don't exist there, and every item has a
//   label in every language.
// Setup: the menu's template.
// Fails if: copy, paste, close or quit is missing, or an item shows Electron's English label.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MenuItemConstructorOptions } from 'electron';
import { applicationMenu } from '../../../main/desktop/application-menu.ts';
import { LANGUAGES } from '../../../shared/strings/index.ts';

function items(template: readonly MenuItemConstructorOptions[]): MenuItemConstructorOptions[] {
  return template.flatMap((item) => (Array.isArray(item.submenu) ? [item, ...items(item.submenu)] : [item]));
}

test('the usual roles are there, in every language with their labels', () => {
  for (const language of LANGUAGES) {
    const all = items(applicationMenu(language, { zoom: () => undefined, openWindow: () => undefined }));
    const roles = new Set(all.map(({ role }) => role));
    for (const role of [
      'undo',
      'cut',
      'copy',
      'paste',
      'selectAll',
      'close',
      'minimize',
      'hide',
      'quit',
    ] as const) {
      assert.ok(roles.has(role), role);
    }
    for (const { type, label } of all) assert.ok(type === 'separator' || label, language);
  }
});

test('zooming goes through the window’s own memory', () => {
  const zoomed: string[] = [];
  const all = items(applicationMenu('en', { zoom: (to) => zoomed.push(to), openWindow: () => undefined }));
  for (const { accelerator, click } of all) {
    if (accelerator !== undefined) (click as () => void)();
  }
  assert.deepEqual(zoomed, ['reset', 'in', 'out']);
});
