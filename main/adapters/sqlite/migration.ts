/** One numbered step of the database schema. Types only, so that a frozen step depends on no code of today. */
import type { Database } from 'better-sqlite3';

export interface Migration {
  /** The database's `user_version` after this step. */
  readonly version: number;
  readonly sql: string;
  /** Runs after `sql` in the same transaction, for rows whose values must be computed. */
  readonly fill?: (database: Database) => void;
}
