/**
 * Reads a large database from end to end while the agent already works with it, and renews the copy beside
 * it only when it is whole. A process of its own: it may be ended at any moment, and its memory goes with it.
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
