/** Lets the owner choose a backup in the system's file dialog, where no page can name one. */
import { type BrowserWindow, dialog } from 'electron';
import { copyBackup } from './copied-backup.ts';

/** Copies the chosen file into the folder of backups. Resolves with its name there, or null if none was chosen. */
export async function chooseBackup(folder: string, parent: BrowserWindow | null): Promise<string | null> {
  const options: Electron.OpenDialogOptions = {
    properties: ['openFile'],
    filters: [{ name: 'Idlewatt (.tar.gz)', extensions: ['gz'] }],
  };
  const { filePaths } = parent
    ? await dialog.showOpenDialog(parent, options)
    : await dialog.showOpenDialog(options);
  const [path] = filePaths;
  return path === undefined ? null : copyBackup(path, folder, Date.now());
}
