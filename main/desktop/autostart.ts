/** Whether Idlewatt starts with the system, as the owner set it: only ever for an installed app. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { app } from 'electron';

/** Starts in the tray, without a window. */
export const HIDDEN = '--hidden';

export function setStartWithSystem(enabled: boolean): void {
  // From a checkout it would register a bare Electron.
  if (!app.isPackaged) return;
  if (process.platform === 'linux') setXdgAutostart(enabled);
  else app.setLoginItemSettings({ openAtLogin: enabled, args: [HIDDEN] });
}

/** Electron knows login items on Windows and macOS only; desktops on Linux read this folder. */
function setXdgAutostart(enabled: boolean): void {
  const folder = join(app.getPath('appData'), 'autostart');
  const file = join(folder, 'idlewatt.desktop');
  if (!enabled) {
    rmSync(file, { force: true });
    return;
  }
  const program = process.env.APPIMAGE ?? process.execPath;
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    file,
    ['[Desktop Entry]', 'Type=Application', 'Name=Idlewatt', `Exec="${program}" ${HIDDEN}`, ''].join('\n'),
  );
}
