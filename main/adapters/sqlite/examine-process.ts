/**
 * Child process that reads a large database in full while the agent is already using it, and renews the copy next to
 * it only if the database is intact. In its own process it can be ended at any moment and leaves no memory behind.
 */
import Database from 'better-sqlite3';
import { copyDatabase, isBackupDue } from './copy.ts';
import { backupPath, findDamage } from './integrity.ts';

const path = process.argv[2] ?? '';
const database = new Database(path, { readonly: true, fileMustExist: true });
let problem: string | null;
try {
  problem = findDamage(database);
} catch (cause) {
  if (!(cause instanceof Database.SqliteError)) throw cause;
  problem = cause.message;
}
if (problem === null && isBackupDue(path)) copyDatabase(database, backupPath(path));
database.close();
process.send?.({ problem }, () => process.disconnect());
