/**
 * The shell's own window for secrets: recovery words, key files, pass phrases. It is a process and a session
 * apart from the pages, has no network and no port to the agent, and is gone from memory when it closes.
 */
import { join } from 'node:path';
import {
  BrowserWindow,
  type IpcMainInvokeEvent,
  ipcMain,
  nativeImage,
  powerMonitor,
  session,
} from 'electron';
import {
  type SecretAnswer,
  type SecretRequest,
  type SecretWindowTask,
  secretRequestSchema,
} from '../../shared/secret-window.ts';
import { IPC } from '../../shared/wire.ts';
import { APP_ORIGIN, serveAppPages } from './app-protocol.ts';
import { confineSession, isOurs } from './confinement.ts';
import { CONFINED } from './window.ts';
import type { Language } from './words.ts';

export interface SecretWindow {
  /** Opens it for a task; what it showed for another task is gone. */
  open(task: SecretWindowTask): void;
  close(): void;
}

export interface SecretWindowOptions {
  readonly appFolder: string;
  readonly language: () => Language;
  /** Never rejects. */
  readonly answer: (request: SecretRequest, window: BrowserWindow) => Promise<SecretAnswer>;
  /** The window is gone, by whatever means. */
  readonly onClosed: (task: SecretWindowTask) => void;
}

/** Not persistent: nothing of it stays on the disk. */
const PARTITION = 'secrets';

/** What each window may ask; a window for one task cannot be talked into another. */
const ALLOWED: Readonly<Record<SecretWindowTask, readonly SecretRequest['type'][]>> = {
  backup: ['words', 'start-drill', 'answer-drill', 'close'],
  import: ['import-phrase', 'import-key', 'import-file', 'close'],
  export: ['export-file', 'close'],
  unlock: ['unlock', 'close'],
};

export function createSecretWindow(options: SecretWindowOptions): SecretWindow {
  let current: { readonly window: BrowserWindow; readonly task: SecretWindowTask } | null = null;

  const close = () => current?.window.destroy();
  powerMonitor.on('lock-screen', close);

  ipcMain.handle(IPC.secret, async (event, raw: unknown): Promise<SecretAnswer> => {
    const shown = current;
    if (!shown || !isFrom(event, shown.window)) throw new Error('not permitted');
    const request = secretRequestSchema.safeParse(raw);
    // What was sent may be a secret: it is not repeated.
    if (!request.success || !ALLOWED[shown.task].includes(request.data.type))
      throw new Error('not permitted');
    if (request.data.type === 'close') {
      close();
      return { type: 'done' };
    }
    return options.answer(request.data, shown.window);
  });

  return {
    open(task) {
      if (current) {
        // The locked wallet comes first; anything else gives way, with all that was on the screen.
        if (current.task !== task && current.task !== 'unlock') {
          current = { ...current, task };
          void current.window.loadURL(addressOf(task, options.language()));
        }
        current.window.show();
        return current.window.focus();
      }
      const window = create(options);
      current = { window, task };
      void window.loadURL(addressOf(task, options.language()));
      window.once('closed', () => {
        const last = current?.task ?? task;
        current = null;
        options.onClosed(last);
      });
    },
    close,
  };
}

function create({ appFolder }: SecretWindowOptions): BrowserWindow {
  const own = session.fromPartition(PARTITION);
  if (!own.protocol.isProtocolHandled('app')) {
    confineSession(own, 'nothing');
    serveAppPages(own, join(appFolder, 'dist/renderer'));
  }
  const window = new BrowserWindow({
    width: 620,
    height: 680,
    minWidth: 380,
    minHeight: 420,
    show: false,
    title: 'Idlewatt',
    autoHideMenuBar: true,
    maximizable: false,
    fullscreenable: false,
    icon: nativeImage.createFromPath(join(appFolder, 'resources/icons/icon.png')),
    webPreferences: {
      ...CONFINED,
      session: own,
      devTools: false,
      preload: join(appFolder, 'dist/preload/secret.cjs'),
    },
  });
  // Screen recorders and screen sharing see black where the system can do that.
  window.setContentProtection(true);
  window.once('ready-to-show', () => window.show());
  return window;
}

function addressOf(task: SecretWindowTask, language: Language): string {
  return `${APP_ORIGIN}/secret.html?${new URLSearchParams({ task, language })}`;
}

function isFrom({ sender, senderFrame }: IpcMainInvokeEvent, window: BrowserWindow): boolean {
  return (
    sender === window.webContents &&
    senderFrame !== null &&
    senderFrame === sender.mainFrame &&
    isOurs(senderFrame.url)
  );
}
