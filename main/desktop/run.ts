/** Starts the shell with its log. The program's first script loads it once the window is opening. */
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { app, type BrowserWindow } from 'electron';
import { VERSION } from '../../shared/version.ts';
import { guardProcess } from '../adapters/node/index.ts';
import { openLogFile } from '../adapters/pino/index.ts';
import { defaultHome, homePaths } from '../ports/data-folder.ts';
import type { Log } from '../ports/log.ts';
import type { LaunchOptions } from './launch-options.ts';
import type { PagesWindowPlace } from './pages-window.ts';
import { Shell } from './shell.ts';

/** An app that ran this long may restart itself after a bug. */
const HEALTHY_MS = 60_000;

export function run(
  options: LaunchOptions,
  place: PagesWindowPlace,
  firstWindow: BrowserWindow | null,
): void {
  const log = openLog(options);
  log.info('The desktop app is starting', { version: VERSION, electron: process.versions.electron });
  const shell = new Shell({ place, firstWindow, launch: options, home: homeOf(options), log });
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
function openLog(options: LaunchOptions): Log {
  return openLogFile({
    folder: homePaths(homeOf(options)).logs,
    name: 'shell',
    level: options.values['log-level'],
    onProblem: (line) => process.stderr.write(`idlewatt: ${line}\n`),
  }).log;
}

/** The data folder as the owner names it. */
function homeOf({ values }: LaunchOptions): string {
  const system = { platform: process.platform, environment: process.env, userFolder: homedir() };
  return resolve(values.home ?? defaultHome(system));
}
