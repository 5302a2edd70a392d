/** The one window with the pages: created on demand and hidden instead of closed. */
import { once } from 'node:events';
import { type BrowserWindow, type IpcMainEvent, ipcMain, type MessagePortMain } from 'electron';
import { type SecretTask, secretTaskSchema } from '../../shared/secret-window.ts';
import type { Startup } from '../../shared/startup.ts';
import { IPC } from '../../shared/wire.ts';
import type { Log } from '../ports/log.ts';
import { isOurs } from './confinement.ts';
import { createPageRecovery, type PageRecovery } from './page-recovery.ts';
import { watchPage } from './page-watch.ts';
import { openPagesWindow, type PagesWindowPlace } from './pages-window.ts';
import { rememberWindow, type WindowMemory } from './window-memory.ts';
import { useShortcuts } from './window-shortcuts.ts';

export interface MainWindow {
  show(): void;
  /** True while it is on the screen. */
  visible(): boolean;
  /** The window while it is visible and not minimized, as the parent of the shell's dialogs. */
  onScreen(): BrowserWindow | null;
  /** Resolves with {@link onScreen} once a window that is being opened is there. */
  settled(): Promise<BrowserWindow | null>;
  /** Tells the page that the agent's start has come to this step. */
  tell(startup: Startup): void;
  zoom: WindowMemory['zoom'];
  /** From now on closing the window closes it instead of hiding it. */
  allowClose(): void;
}

export interface MainWindowOptions {
  /** A window that was opened by {@link openPagesWindow} and not shown yet; null to open one on demand. */
  readonly first: BrowserWindow | null;
  readonly place: PagesWindowPlace;
  readonly log: Log;
  /** A page requests a port to the agent; null while there is no agent. */
  readonly connectPage: () => Promise<MessagePortMain | null>;
  /** The step of the agent's start that a page gets first. */
  readonly startup: () => Startup;
  /**
   * The page ended too often, with Chromium's word for it. The owner decides whether to load it again; otherwise its
   * window closes. The window is null while it isn't on the screen.
   */
  readonly onPageGivenUp: (
    window: BrowserWindow | null,
    reason: string,
    decide: (again: boolean) => void,
  ) => void;
  /** A page requests the secret window by the name of its task; it gets no response. */
  readonly openSecret: (task: SecretTask) => void;
  /** The window was hidden and the app keeps running. */
  readonly onHidden: () => void;
}

export function createMainWindow(options: MainWindowOptions): MainWindow {
  let { first } = options;
  let window: BrowserWindow | null = null;
  let memory: WindowMemory | null = null;
  let closing = false;
  /** Windows that were on the screen; those that aren't any more were hidden. */
  const shown = new WeakSet<BrowserWindow>();
  /** Number of documents that the window has had: a port is only for the one that requested it. */
  let documents = 0;
  const recovery = createPageRecovery(() => performance.now());

  const open = () => {
    const created = first ?? openPagesWindow(options.place);
    first = null;
    const { zoom } = rememberWindow(created, options.place.stateFile);
    memory = { zoom };
    useShortcuts(created, zoom);
    revivePage(created, options, recovery);
    created.once('show', () => shown.add(created));
    created.webContents.on('did-start-navigation', ({ isMainFrame, isSameDocument }) => {
      if (isMainFrame && !isSameDocument) documents += 1;
    });
    created.on('close', (event) => {
      if (closing) return;
      event.preventDefault();
      created.hide();
      options.onHidden();
    });
    created.on('closed', () => {
      window = null;
      memory = null;
    });
    return created;
  };

  const onScreen = () => (window?.isVisible() && !window.isMinimized() ? window : null);

  /** Only the top frame of our own page in our own window; any other sender gets nothing, not even an error. */
  const ourFrame = ({ sender, senderFrame }: IpcMainEvent) => {
    if (!window || sender !== window.webContents || !senderFrame) return null;
    return senderFrame === sender.mainFrame && isOurs(senderFrame.url) ? senderFrame : null;
  };
  ipcMain.on(IPC.openSecret, (event, task: unknown) => {
    const requested = secretTaskSchema.safeParse(task);
    if (ourFrame(event) && requested.success) options.openSecret(requested.data);
  });
  ipcMain.on(IPC.startup, (event) => ourFrame(event)?.send(IPC.startup, options.startup()));
  ipcMain.on(IPC.connect, (event) => {
    if (!ourFrame(event)) return;
    const asking = documents;
    void options.connectPage().then((port) => {
      if (!port) return;
      // `senderFrame.detached` stays true for a page that was loaded again after a crash.
      if (asking === documents && window) window.webContents.postMessage(IPC.port, null, [port]);
      else port.close();
    });
  });

  return {
    show() {
      if (!window) window = open();
      else {
        if (window.isMinimized()) window.restore();
        window.show();
        window.focus();
      }
    },
    visible: () => window?.isVisible() ?? false,
    onScreen,
    async settled() {
      const opening = window;
      if (opening && !opening.isVisible() && !shown.has(opening)) {
        await Promise.race([once(opening, 'show'), once(opening, 'closed')]);
      }
      return onScreen();
    },
    tell(startup) {
      const page = window?.webContents;
      if (page && !page.isCrashed() && isOurs(page.getURL())) page.send(IPC.startup, startup);
    },
    zoom: (to) => memory?.zoom(to),
    allowClose() {
      closing = true;
    },
  };
}

/** Loads a page again that is gone, a few times, and then asks. */
function revivePage(
  window: BrowserWindow,
  { log, onPageGivenUp }: MainWindowOptions,
  recovery: PageRecovery,
): void {
  watchPage(window, {
    log,
    onGone(reason) {
      if (recovery.gone() === 'reload') return window.webContents.reload();
      onPageGivenUp(window.isVisible() ? window : null, reason, (again) => {
        recovery.reset();
        if (again && !window.isDestroyed()) window.webContents.reload();
        // The next time that it is opened, the window has a new process.
        else window.destroy();
      });
    },
  });
}
