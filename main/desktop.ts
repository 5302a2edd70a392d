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
import { commandOf, type LaunchOptions, readLaunchOptions } from './desktop/launch-options.ts';
import { moveOwnFiles, OWN_FILES, ownFolder } from './desktop/own-folder.ts';
import { openPagesWindow } from './desktop/pages-window.ts';

const COMMANDS_HELP = 'Commands: idlewatt COMMAND, without a window. `idlewatt commands` lists them.';
const command = commandOf(process.argv.slice(1), app.getAppPath());
const launch = command === null ? readCommandLine() : null;
// Chromium opens a display only after this script, which waits for the agent.
if (command !== null) app.exit(await runWithoutDisplay({ command }));
else if (launch?.values.headless) app.exit(await runWithoutDisplay({ parameters: launch.agentParameters }));
else if (launch !== null) open(launch);

/** Null when there is nothing to start: help, version or a wrong command line, after which the app exits. */
function readCommandLine(): LaunchOptions | null {
  try {
    const read = readLaunchOptions(process.argv.slice(1), process.env, process.cwd());
    if (!read.values.version && !read.values.help) return read;
    const help = () => `${helpText('idlewatt [options]', ['shell', 'agent'])}\n\n${COMMANDS_HELP}`;
    console.log(read.values.version ? VERSION : help());
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

/** Runs the agent or one of its commands; resolves to its exit code. */
async function runWithoutDisplay(
  what: { readonly command: readonly string[] } | { readonly parameters: readonly string[] },
): Promise<number> {
  const { runAgent, runCommand } = await import('./desktop/headless.ts');
  const appFolder = app.getAppPath();
  return 'command' in what ? runCommand(appFolder, what.command) : runAgent(appFolder, what.parameters);
}

function open(options: LaunchOptions): void {
  const { home } = options.values;
  app.setName('Idlewatt');
  const before = app.getPath('userData');
  const own = ownFolder({ platform: process.platform, home, appData: app.getPath('appData') });
  if (own !== null) {
    app.setPath('userData', own);
    if (home === null) moveOwnFiles(before, own);
  }
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
  const place = { appFolder: app.getAppPath(), stateFile: join(app.getPath('userData'), OWN_FILES.window) };
  const loading = Promise.withResolvers<void>();
  confineSession(session.defaultSession);
  serveAppPages(session.defaultSession, join(place.appFolder, 'dist/renderer'), loading.promise);
  const firstWindow = options.values.hidden ? null : openPagesWindow(place);
  const { run } = await import('./desktop/run.ts');
  run(options, place, firstWindow);
  loading.resolve();
}
