/**
 * Verifies: a page that crashed before its window was watched is handled as one that crashes later.
 * Setup: the real watch on a fake of Electron, in which the test ends the page's process.
 * Fails if: a crash between the opening of the window and the load of the shell leaves an empty window for good.
 */
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { registerHooks } from 'node:module';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { BrowserWindow } from 'electron';
import { createRecordingLog } from '../../fakes/log.ts';

const ELECTRON = `data:text/javascript,import { EventEmitter } from 'node:events';
export const ipcMain = new EventEmitter();`;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url: ELECTRON, shortCircuit: true } : next(specifier, context),
});
const { watchPage } = await import('../../../main/desktop/page-watch.ts');

/** A window whose page can crash; `close` ends what watches it. */
function openWindow() {
  let crashed = false;
  const webContents = Object.assign(new EventEmitter(), { isCrashed: () => crashed });
  const window = Object.assign(new EventEmitter(), {
    webContents,
    isDestroyed: () => false,
    isVisible: () => false,
  });
  return {
    window: window as unknown as BrowserWindow,
    crash() {
      crashed = true;
      webContents.emit('render-process-gone', {}, { reason: 'crashed', exitCode: 139 });
    },
    close: () => window.emit('closed'),
  };
}

test('a page that crashed before its window was watched is gone, and one that crashes later too, once each', async (t) => {
  for (const isEarly of [true, false]) {
    const { window, crash, close } = openWindow();
    t.after(close);
    const gone: string[] = [];
    if (isEarly) crash();
    watchPage(window, { log: createRecordingLog(), onGone: (reason) => gone.push(reason) });
    await setImmediate();
    assert.deepEqual(gone, isEarly ? ['crashed'] : []);
    crash();
    await setImmediate();
    assert.equal(gone.length, isEarly ? 2 : 1);
  }
});
