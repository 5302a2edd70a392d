/**
 * The desktop shell: window, tray, autostart, and what only Electron can read from the machine. It has no money and
 * has no network; everything that it shows or controls goes over the API to the agent that it runs.
 */
import { join } from 'node:path';
import { app, dialog, Menu, session } from 'electron';
import { helpText } from '../shared/command-line.ts';
import { isAppError } from '../shared/errors.ts';
import { USAGE_EXIT_CODE } from '../shared/options.ts';
import { VERSION } from '../shared/version.ts';
import { registerAppScheme, serveAppPages } from './desktop/app-protocol.ts';
import { confineSession, confineWebContents } from './desktop/confinement.ts';
import { type LaunchOptions, readLaunchOptions } from './desktop/launch-options.ts';
import { openPagesWindow } from './desktop/pages-window.ts';

const launch = readCommandLine();
if (launch !== null) open(launch);

/** Null when there is nothing to start: help, version or a wrong command line, after which the app exits. */
function readCommandLine(): LaunchOptions | null {
  try {
    const read = readLaunchOptions(process.argv.slice(1), process.env, process.cwd());
    if (!read.values.version && !read.values.help) return read;
    console.log(read.values.version ? VERSION : helpText('idlewatt [options]', ['shell', 'agent']));
    app.exit(0);
  } catch (error) {
    if (!isAppError(error)) throw error;
    console.error(`idlewatt: ${error.message}`);
    // An installed app on these systems has no terminal to read it in.
    if (app.isPackaged && process.platform !== 'linux') dialog.showErrorBox('Idlewatt', error.message);
    app.exit(USAGE_EXIT_CODE);
  }
  return null;
}

function open(options: LaunchOptions): void {
  const { home } = options.values;
  app.setName('Idlewatt');
  // Two data folders are two apps: each has its own settings of the shell and its own single-instance lock.
  if (home !== null) app.setPath('userData', join(home, 'desktop'));
  registerAppScheme();
  confineWebContents();
  Menu.setApplicationMenu(null);
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return;
  }
  // Without connections there is nothing that a process of its own would confine.
  app.commandLine.appendSwitch('enable-features', 'NetworkServiceInProcess2');
  void app.whenReady().then(() => start(options));
}

/** Opens the window first: while its process starts, this one loads the rest of the shell, which its page waits for. */
async function start(options: LaunchOptions): Promise<void> {
  const place = { appFolder: app.getAppPath(), stateFile: join(app.getPath('userData'), 'window.json') };
  const loading = Promise.withResolvers<void>();
  confineSession(session.defaultSession);
  serveAppPages(session.defaultSession, join(place.appFolder, 'dist/renderer'), loading.promise);
  const firstWindow = options.values.hidden ? null : openPagesWindow(place);
  const { run } = await import('./desktop/run.ts');
  run(options, place, firstWindow);
  loading.resolve();
}
