/** The one window with the pages: made on demand, hidden instead of closed, remembered for the session. */
import { join } from 'node:path';
import { BrowserWindow, type IpcMainEvent, ipcMain, type MessagePortMain, nativeImage } from 'electron';
import { type SecretTask, secretTaskSchema } from '../../shared/secret-window.ts';
import { IPC } from '../../shared/wire.ts';
import { APP_ORIGIN } from './app-protocol.ts';
import { isOurs } from './confinement.ts';

export interface MainWindow {
  show(): void;
  /** Whether people see it now. */
  visible(): boolean;
  /** The window while people see it: what a question of the shell belongs to. */
  onScreen(): BrowserWindow | null;
  /** From now on closing is closing. */
  allowClose(): void;
}

export interface MainWindowOptions {
  readonly appFolder: string;
  /** A page asks for a port to the agent; null while there is no agent. */
  readonly connectPage: () => Promise<MessagePortMain | null>;
  /** A page asks for the window for secrets: by the name of its task, and nothing comes back. */
  readonly openSecret: (task: SecretTask) => void;
  /** The window went away and the app stays. */
  readonly onHidden: () => void;
}

/** Settings that every window of ours has in common. */
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
  let closing = false;

  const open = () => {
    const created = new BrowserWindow({
      width: 1180,
      height: 780,
      minWidth: 380,
      minHeight: 480,
      show: false,
      title: 'Idlewatt',
      autoHideMenuBar: true,
      backgroundColor: '#00000000',
      icon: nativeImage.createFromPath(join(options.appFolder, 'resources/icons/icon.png')),
      webPreferences: { ...CONFINED, preload: join(options.appFolder, 'dist/preload/page.cjs') },
    });
    created.once('ready-to-show', () => created.show());
    created.on('close', (event) => {
      if (closing) return;
      event.preventDefault();
      created.hide();
      options.onHidden();
    });
    created.on('closed', () => {
      window = null;
    });
    void created.loadURL(`${APP_ORIGIN}/index.html`);
    return created;
  };

  /** The top frame of our own page in our own window: anything else gets nothing, not even an error. */
  const ourFrame = ({ sender, senderFrame }: IpcMainEvent) => {
    if (!window || sender !== window.webContents || !senderFrame) return null;
    return senderFrame === sender.mainFrame && isOurs(senderFrame.url) ? senderFrame : null;
  };
  ipcMain.on(IPC.openSecret, (event, task: unknown) => {
    const asked = secretTaskSchema.safeParse(task);
    if (ourFrame(event) && asked.success) options.openSecret(asked.data);
  });
  ipcMain.on(IPC.connect, (event) => {
    const senderFrame = ourFrame(event);
    if (!senderFrame) return;
    void options.connectPage().then((port) => {
      if (!port) return;
      if (senderFrame.detached) port.close();
      else senderFrame.postMessage(IPC.port, null, [port]);
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
    onScreen: () => (window?.isVisible() && !window.isMinimized() ? window : null),
    allowClose() {
      closing = true;
    },
  };
}
