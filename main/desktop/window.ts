/** The one window with the pages: created on demand and hidden instead of closed. */
import { join } from 'node:path';
import { BrowserWindow, type IpcMainEvent, ipcMain, type MessagePortMain, nativeImage } from 'electron';
import { type SecretTask, secretTaskSchema } from '../../shared/secret-window.ts';
import { IPC } from '../../shared/wire.ts';
import { APP_ORIGIN } from './app-protocol.ts';
import { isOurs } from './confinement.ts';

export interface MainWindow {
  show(): void;
  /** True while it is on the screen. */
  visible(): boolean;
  /** The window while it is visible and not minimized, as the parent of the shell's dialogs. */
  onScreen(): BrowserWindow | null;
  /** From now on closing the window closes it instead of hiding it. */
  allowClose(): void;
}

export interface MainWindowOptions {
  readonly appFolder: string;
  /** A page requests a port to the agent; null while there is no agent. */
  readonly connectPage: () => Promise<MessagePortMain | null>;
  /** A page requests the secret window by the name of its task; it gets no response. */
  readonly openSecret: (task: SecretTask) => void;
  /** The window was hidden and the app keeps running. */
  readonly onHidden: () => void;
}

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

  /** Only the top frame of our own page in our own window; any other sender gets nothing, not even an error. */
  const ourFrame = ({ sender, senderFrame }: IpcMainEvent) => {
    if (!window || sender !== window.webContents || !senderFrame) return null;
    return senderFrame === sender.mainFrame && isOurs(senderFrame.url) ? senderFrame : null;
  };
  ipcMain.on(IPC.openSecret, (event, task: unknown) => {
    const requested = secretTaskSchema.safeParse(task);
    if (ourFrame(event) && requested.success) options.openSecret(requested.data);
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
