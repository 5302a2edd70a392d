/** The one window with the pages: created on demand and hidden instead of closed. */
import { once } from 'node:events';
import { join } from 'node:path';
import {
  BrowserWindow,
  type IpcMainEvent,
  ipcMain,
  type MessagePortMain,
  nativeImage,
  nativeTheme,
  screen,
} from 'electron';
import { type SecretTask, secretTaskSchema } from '../../shared/secret-window.ts';
import type { Startup } from '../../shared/startup.ts';
import { IPC } from '../../shared/wire.ts';
import type { Log } from '../ports/log.ts';
import { APP_ORIGIN } from './app-protocol.ts';
import { isOurs } from './confinement.ts';
import { createPageRecovery, type PageRecovery } from './page-recovery.ts';
import { watchPage } from './page-watch.ts';
import { rememberWindow, type WindowMemory } from './window-memory.ts';
import { useShortcuts } from './window-shortcuts.ts';
import { placeOnScreen, readWindowState, WINDOW_SIZE, WINDOW_SIZE_MIN } from './window-state.ts';

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
  /** File that remembers size, place and zoom. */
  readonly stateFile: string;
  readonly log: Log;
  readonly appFolder: string;
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

/** The pages' background, so that a window that is still empty has it too. */
const GROUND = { light: '#f5f6f4', dark: '#0d1110' } as const;
/** A window whose page hasn't painted is shown after this time. */
const SHOW_MS_MAX = 3_000;

/** The web preferences that all our windows share. */
export const CONFINED = {
  contextIsolation: true,
  sandbox: true,
  nodeIntegration: false,
  nodeIntegrationInWorker: false,
  nodeIntegrationInSubFrames: false,
  webSecurity: true,
  webviewTag: false,
  spellcheck: false,
} as const;

export function createMainWindow(options: MainWindowOptions): MainWindow {
  let window: BrowserWindow | null = null;
  let memory: WindowMemory | null = null;
  let closing = false;
  /** Windows that were on the screen; those that aren't any more were hidden. */
  const shown = new WeakSet<BrowserWindow>();
  /** Number of documents that the window has had: a port is only for the one that requested it. */
  let documents = 0;
  const recovery = createPageRecovery(() => performance.now());

  const open = () => {
    const created = createPagesWindow(options);
    const { zoom } = rememberWindow(created, options.stateFile);
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
    // A page that can't be loaded is seen by `watchPage`.
    created.loadURL(`${APP_ORIGIN}/index.html`).catch(() => {});
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

function createPagesWindow({ appFolder, stateFile }: MainWindowOptions): BrowserWindow {
  const stored = readWindowState(stateFile);
  const workAreas = screen.getAllDisplays().map(({ workArea }) => workArea);
  const created = new BrowserWindow({
    ...WINDOW_SIZE,
    ...(stored && placeOnScreen(stored.place, workAreas)),
    minWidth: WINDOW_SIZE_MIN.width,
    minHeight: WINDOW_SIZE_MIN.height,
    show: false,
    title: 'Idlewatt',
    autoHideMenuBar: true,
    backgroundColor: nativeTheme.shouldUseDarkColors ? GROUND.dark : GROUND.light,
    icon: nativeImage.createFromPath(join(appFolder, 'resources/icons/icon.png')),
    webPreferences: { ...CONFINED, preload: join(appFolder, 'dist/preload/page.cjs') },
  });
  const show = () => {
    if (created.isDestroyed() || created.isVisible()) return;
    if (stored?.isMaximized) created.maximize();
    created.show();
  };
  // A page that crashes before it has painted would leave the app without a window.
  const timer = setTimeout(show, SHOW_MS_MAX);
  created.once('ready-to-show', () => {
    clearTimeout(timer);
    show();
  });
  return created;
}
