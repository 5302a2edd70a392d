/** Handles the window's shortcuts where there is no menu bar; on macOS its menu has them. */
import type { BrowserWindow } from 'electron';
import { assertNever } from '../../shared/assert.ts';
import { shortcutOf } from './shortcuts.ts';
import type { WindowMemory } from './window-memory.ts';

export function useShortcuts(window: BrowserWindow, zoom: WindowMemory['zoom']): void {
  if (process.platform === 'darwin') return;
  const { webContents } = window;
  webContents.on('before-input-event', (event, input) => {
    const shortcut = shortcutOf(input);
    if (shortcut === null) return;
    event.preventDefault();
    switch (shortcut) {
      case 'zoom-in':
        return zoom('in');
      case 'zoom-out':
        return zoom('out');
      case 'zoom-reset':
        return zoom('reset');
      case 'reload':
        return webContents.reload();
      case 'close':
        return window.close();
      default:
        return assertNever(shortcut);
    }
  });
}
