/** Opens a window with the pages. The program's first script does it before it loads the rest of the shell. */
import { join } from 'node:path';
import { BrowserWindow, nativeImage, nativeTheme, screen } from 'electron';
import { APP_ORIGIN } from './app-protocol.ts';
import { placeOnScreen, readWindowState, WINDOW_SIZE, WINDOW_SIZE_MIN } from './window-state.ts';

export interface PagesWindowPlace {
  /** Folder of `package.json`. */
  readonly appFolder: string;
  /** File that remembers size, place and zoom. */
  readonly stateFile: string;
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

/** Opens the window, which shows itself once its page has painted. */
export function openPagesWindow({ appFolder, stateFile }: PagesWindowPlace): BrowserWindow {
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
  // A page that can't be loaded is seen by `watchPage`.
  created.loadURL(`${APP_ORIGIN}/index.html`).catch(() => {});
  return created;
}
