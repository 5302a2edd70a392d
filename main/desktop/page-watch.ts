/** Notices that a window's page is gone: its process ended, it hangs, or it could not be loaded. */
import { type BrowserWindow, ipcMain } from 'electron';
import { IPC } from '../../shared/wire.ts';
import type { Log } from '../ports/log.ts';

/** Interval of the questions whether the page is alive, while its window is visible. */
const ASK_EVERY_MS = 5_000;
/** Unanswered questions in a row after which a page hangs: fewer are usual under load, and after the machine slept. */
const UNANSWERED_MAX = 4;
/** Chromium's code for a load that was ended by another one. */
const ABORTED = -3;

export function watchPage(
  window: BrowserWindow,
  options: { readonly log: Log; readonly onGone: (reason: string) => void },
): void {
  const { log, onGone } = options;
  const { webContents } = window;
  watchAnswers(window, () => {
    log.warn('The window’s page doesn’t respond');
    // Its end is handled as that of a page that crashed.
    webContents.forcefullyCrashRenderer();
  });
  const ended = (reason: string, exitCode: number | null) => {
    if (window.isDestroyed() || reason === 'clean-exit') return;
    log.warn('The window’s page ended', { reason, exitCode });
    // Chromium is still handling the end of the process.
    setImmediate(() => {
      if (!window.isDestroyed()) onGone(reason);
    });
  };
  webContents.on('render-process-gone', (_event, { reason, exitCode }) => ended(reason, exitCode));
  // The first window is open before the shell is loaded, and its page may have ended meanwhile.
  if (webContents.isCrashed()) ended('crashed', null);
  webContents.on('did-fail-load', (_event, code, reason, _url, isMainFrame) => {
    if (!isMainFrame || code === ABORTED || webContents.isCrashed()) return;
    log.warn('The window’s page could not be loaded', { reason, code });
    onGone(reason);
  });
}

/** Chromium's own `unresponsive` needs input that stays unanswered, so a page that hangs unwatched would stay. */
function watchAnswers(window: BrowserWindow, onHang: () => void): void {
  const { webContents } = window;
  let unanswered = 0;
  const answered = ({ sender }: Electron.IpcMainEvent) => {
    if (sender === webContents) unanswered = 0;
  };
  ipcMain.on(IPC.alive, answered);
  const timer = setInterval(() => {
    // A page in a debugger may rest at a breakpoint.
    const isWatched = window.isVisible() && !webContents.isCrashed() && !webContents.isDevToolsOpened();
    if (!isWatched || webContents.isLoadingMainFrame()) {
      unanswered = 0;
      return;
    }
    if (unanswered >= UNANSWERED_MAX) {
      unanswered = 0;
      onHang();
      return;
    }
    unanswered += 1;
    webContents.send(IPC.alive);
  }, ASK_EVERY_MS);
  window.on('closed', () => {
    clearInterval(timer);
    ipcMain.off(IPC.alive, answered);
  });
}
