/**
 * The numbered steps from an empty file to the current tables. Each step is self-contained and frozen once released:
 * `migrations/hashes.json` lists the sha256 of every file, and a test compares.
 */
import type { Migration } from './migration.ts';
import { ledger } from './migrations/0001-ledger.ts';
import { jobs } from './migrations/0002-jobs.ts';
import { records } from './migrations/0003-records.ts';
import { benchmarks } from './migrations/0004-benchmarks.ts';
import { ledgerChain } from './migrations/0005-ledger-chain.ts';
import { postingsWithLines } from './migrations/0006-postings-with-lines.ts';
import { identityAndChecksums } from './migrations/0007-identity-and-checksums.ts';
import { compactRows } from './migrations/0008-compact-rows.ts';
import { foldedJobs } from './migrations/0009-folded-jobs.ts';
import { keysOfJobs } from './migrations/0010-keys-of-jobs.ts';
import { sumsAtCheckpoints } from './migrations/0011-sums-at-checkpoints.ts';

export const MIGRATIONS: readonly Migration[] = [
  ledger,
  jobs,
  records,
  benchmarks,
  ledgerChain,
  postingsWithLines,
  identityAndChecksums,
  compactRows,
  foldedJobs,
  keysOfJobs,
  sumsAtCheckpoints,
];

/** Version of the newest step, which is the schema version of this program. */
export const NEWEST_VERSION = MIGRATIONS.length;
