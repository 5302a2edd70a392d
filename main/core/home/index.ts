/** The data folder: its layout, its lock, and its backups. */

export { defaultHome, type HomePaths, homePaths } from '../../ports/data-folder.ts';
export { type BackupParts, type BackupResult, backUpHome } from './backup.ts';
export { inspectBackup } from './inspect-backup.ts';
export { type OpenHome, openHome } from './open-home.ts';
export { restoreHome } from './restore.ts';
export { type RestoreAtStartParts, restoreAtStart } from './restore-at-start.ts';
export { readRestoreResult, requestRestore } from './restore-request.ts';
