/**
 * Child process that reads a large database in full while the agent is already using it, and renews the copy next to
 * it only if the database is intact. In its own process it can be ended at any moment and leaves no memory behind.
 */
import Database from 'better-sqlite3';
import { lowerPriority } from '../../ports/priority.ts';
import { backUpDatabase, isBackupDue } from './copy.ts';
import { openHandles, pacedReads } from './handles.ts';
import { backupPath, findDamage } from './integrity.ts';
import { checkLedger } from './ledger-check.ts';
import { createReadingPace } from './reading-pace.ts';
import { CHECKSUMS_SINCE } from './row-checksums.ts';

lowerPriority();
const path = process.argv[2] ?? '';
const database = new Database(path, { readonly: true, fileMustExist: true });
// The agent serves meanwhile.
const pace = createReadingPace({ path });
let problem: string | null;
try {
  problem = findDamage(database, true, pace) ?? findLedgerProblem();
} catch (cause) {
  if (!(cause instanceof Database.SqliteError)) throw cause;
  problem = cause.message;
}
if (problem === null && isBackupDue(path)) backUpDatabase(database, backupPath(path));
database.close();
process.send?.({ problem }, () => process.disconnect());

/** Verifies the whole ledger, of which a start reads only the newest entries. */
function findLedgerProblem(): string | null {
  if (Number(database.pragma('user_version', { simple: true })) < CHECKSUMS_SINCE) return null;
  // One snapshot: the agent appends entries meanwhile.
  const reader = pacedReads(openHandles(database).writer, pace);
  return database.transaction(() => checkLedger(reader, 'all')[0]?.what ?? null)();
}
