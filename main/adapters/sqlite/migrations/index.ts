/** The numbered steps from an empty file to today's tables. A step that was released is never edited. */
import type { Database } from 'better-sqlite3';
import { ledger } from './0001-ledger.ts';
import { jobs } from './0002-jobs.ts';
import { records } from './0003-records.ts';
import { benchmarks } from './0004-benchmarks.ts';
import { ledgerChain } from './0005-ledger-chain.ts';
import { postingsWithLines } from './0006-postings-with-lines.ts';

export interface Migration {
  /** The database's `user_version` after this step. */
  readonly version: number;
  readonly sql: string;
  /** Runs after `sql` in the same transaction, where rows have to be filled by a computation. */
  readonly fill?: (database: Database) => void;
}

export const MIGRATIONS: readonly Migration[] = [
  ledger,
  jobs,
  records,
  benchmarks,
  ledgerChain,
  postingsWithLines,
];
