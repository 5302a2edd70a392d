/**
 * The desktop shell: window, tray, autostart, and what only Electron can read from the machine. It has no money and
 * has no network; everything that it shows or controls goes over the API to the agent that it runs.
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { app, dialog, Menu } from 'electron';
import { helpText } from '../shared/command-line.ts';
import { isAppError } from '../shared/errors.ts';
import { USAGE_EXIT_CODE } from '../shared/options.ts';
import { VERSION } from '../shared/version.ts';
import { guardProcess } from './adapters/node/index.ts';
import { openLogFile } from './adapters/pino/index.ts';
import { registerAppScheme } from './desktop/app-protocol.ts';
import { confineWebContents } from './desktop/confinement.ts';
import { type LaunchOptions, readLaunchOptions } from './desktop/launch-options.ts';
import { Shell } from './desktop/shell.ts';
import { defaultHome, homePaths } from './ports/data-folder.ts';
import type { Log } from './ports/log.ts';

/** An app that ran this long may restart itself after a bug. */
const HEALTHY_MS = 60_000;

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
  void app.whenReady().then(() => run(options));
}

function run(options: LaunchOptions): void {
  const log = openLog(options);
  log.info('The desktop app is starting', { version: VERSION, electron: process.versions.electron });
  const shell = new Shell({ appFolder: app.getAppPath(), launch: options, log });
  const startedAtMs = performance.now();
  guardProcess({
    log: log.child('process'),
    async close() {
      await shell.close();
      // A failure right after the start would repeat itself.
      if (performance.now() - startedAtMs >= HEALTHY_MS) app.relaunch();
      app.exit(1);
    },
  });
  shell.start();
}

/** Opens `shell.log` next to the agent's log. Warnings and errors are printed on stderr as well. */
function openLog({ values }: LaunchOptions): Log {
  const system = { platform: process.platform, environment: process.env, userFolder: homedir() };
  return openLogFile({
    folder: homePaths(values.home ?? defaultHome(system)).logs,
    name: 'shell',
    level: values['log-level'],
    onProblem: (line) => process.stderr.write(`idlewatt: ${line}\n`),
  }).log;
}
