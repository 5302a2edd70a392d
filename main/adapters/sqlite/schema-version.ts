/** Reports which migrations a database file has, without changing it. */
import Database from 'better-sqlite3';
import { MIGRATIONS } from './migrations.ts';

export interface SchemaVersion {
  /** Version of the newest migration that the file has; 0 for none. */
  readonly applied: number;
  /** Versions of all migrations of this program, in order. */
  readonly known: readonly number[];
}

/** Reads the version from a file that may be in use; throws SQLite's error for a file that it can't open. */
export function readSchemaVersion(path: string): SchemaVersion {
  const database = new Database(path, { readonly: true, fileMustExist: true });
  try {
    const applied = Number(database.pragma('user_version', { simple: true }));
    return { applied, known: MIGRATIONS.map(({ version }) => version) };
  } finally {
    database.close();
  }
}
