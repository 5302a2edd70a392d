/**
 * The shell's own window for secrets: recovery phrase, keystore files, passphrases. It has a process and a session of
 * its own, apart from the pages, has no network and no port to the agent, and leaves memory when it closes.
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
import type { Language } from '../../shared/strings/index.ts';
import { IPC } from '../../shared/wire.ts';
import { APP_ORIGIN, serveAppPages } from './app-protocol.ts';
import { confineSession, isOurs } from './confinement.ts';
import { CONFINED } from './pages-window.ts';

export interface SecretWindow {
  /** Opens it for a task and discards what it showed for another task. */
  open(task: SecretWindowTask): void;
  close(): void;
  /** Resolves when it is closed for any reason; immediately if it isn't open. */
  whenClosed(): Promise<void>;
}

export interface SecretWindowOptions {
  readonly appFolder: string;
  readonly language: () => Language;
  /** Never rejects. */
  readonly answer: (request: SecretRequest, window: BrowserWindow) => Promise<SecretAnswer>;
}

/** Not persistent: nothing of it stays on disk. */
const PARTITION = 'secrets';

/** A locked wallet comes first; these tasks aren't replaced by one of a page. */
const OWN_TASKS: ReadonlySet<SecretWindowTask> = new Set(['unlock', 'new-passphrase']);

/** The requests that each task permits, so that a window for one task can't do another. */
const ALLOWED: Readonly<Record<SecretWindowTask, readonly SecretRequest['type'][]>> = {
  backup: ['words', 'start-drill', 'answer-drill', 'close'],
  import: ['import-phrase', 'import-key', 'import-file', 'close'],
  export: ['export-file', 'close'],
  unlock: ['unlock', 'close'],
  'new-passphrase': ['unlock', 'close'],
};

export function createSecretWindow(options: SecretWindowOptions): SecretWindow {
  let current: { readonly window: BrowserWindow; readonly task: SecretWindowTask } | null = null;

  const close = () => current?.window.destroy();
  powerMonitor.on('lock-screen', close);

  ipcMain.handle(IPC.secret, async (event, raw: unknown): Promise<SecretAnswer> => {
    const shown = current;
    if (!shown || !isFrom(event, shown.window)) throw new Error('not permitted');
    const request = secretRequestSchema.safeParse(raw);
    // The request may hold a secret, so the error doesn't repeat it.
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
        // Replaced with all that was on the screen.
        if (current.task !== task && !OWN_TASKS.has(current.task)) {
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
        current = null;
      });
    },
    close,
    async whenClosed() {
      const shown = current;
      if (shown) await new Promise<void>((resolve) => shown.window.once('closed', () => resolve()));
    },
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
  // Screen recorders and screen sharing see black where the system supports it.
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
