/**
 * Starts Idlewatt with the system, as the owner set it and with the options of this run. Only an installed app: from a
 * checkout it would register a bare Electron. Each data folder has an entry of its own.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { app } from 'electron';
import { writeArguments } from '../../shared/command-line.ts';
import type { GivenOption } from '../../shared/options.ts';
import type { AutostartObstacle } from '../../shared/shell-facts.ts';
import { desktopEntry, launchAgent, windowsArgument } from './autostart-entries.ts';
import { autostartObstacle } from './autostart-obstacle.ts';

/**
 * `kept` are the options of this run, which the next one gets too. Returns why it can't work here, where that is so, also
 * while it isn't wanted; null otherwise.
 */
export function setStartWithSystem(enabled: boolean, kept: readonly GivenOption[]): AutostartObstacle | null {
  const obstacle = autostartObstacle({
    platform: process.platform,
    isPackaged: app.isPackaged,
    program: process.execPath,
    environment: process.env,
  });
  if (obstacle !== null) return obstacle;
  try {
    register(enabled, kept);
  } catch {
    return 'not-writable';
  }
  // Windows: false if the owner turned it off in the Task Manager.
  const isStopped = process.platform === 'win32' && !app.getLoginItemSettings().executableWillLaunchAtLogin;
  return enabled && isStopped ? 'disabled-by-system' : null;
}

function register(enabled: boolean, kept: readonly GivenOption[]): void {
  const parameters = [...writeArguments(kept), '--hidden'];
  const suffix = entrySuffix(kept);
  switch (process.platform) {
    case 'linux':
      setXdgAutostart(enabled, parameters, `idlewatt${suffix}.desktop`);
      break;
    case 'darwin':
      setLaunchAgent(enabled, parameters, `net.idlewatt.app${suffix}`);
      break;
    default:
      app.setLoginItemSettings({
        openAtLogin: enabled,
        args: parameters.map(windowsArgument),
        // Without a name it is the app's own.
        ...(suffix !== '' && { name: `Idlewatt${suffix}` }),
      });
  }
}

/** Empty for the user's own data folder. Two data folders are two apps, which must not overwrite each other's entry. */
function entrySuffix(kept: readonly GivenOption[]): string {
  const home = kept.findLast(({ name }) => name === 'home')?.value;
  if (!home) return '';
  return `-${createHash('sha256').update(home).digest('hex').slice(0, 8)}`;
}

/** Electron's login items are for Windows and macOS only; desktops on Linux read this folder. */
function setXdgAutostart(enabled: boolean, parameters: readonly string[], name: string): void {
  const program = process.env.APPIMAGE ?? process.execPath;
  setFile(enabled, join(app.getPath('appData'), 'autostart', name), desktopEntry(program, parameters));
}

/** Electron's login items on macOS take no arguments; a launch agent does. */
function setLaunchAgent(enabled: boolean, parameters: readonly string[], label: string): void {
  // The login item that an earlier version registered would start a second time, without options.
  app.setLoginItemSettings({ openAtLogin: false });
  const file = join(app.getPath('home'), 'Library', 'LaunchAgents', `${label}.plist`);
  setFile(enabled, file, launchAgent(label, [process.execPath, ...parameters]));
}

function setFile(wanted: boolean, file: string, content: string): void {
  if (!wanted) {
    rmSync(file, { force: true });
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
