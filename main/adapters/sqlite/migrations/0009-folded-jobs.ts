/**
 * Creates the daily sums into which old jobs are folded: what the ledger and the counts need of a job once its row,
 * timeline and receipt are gone.
 */
import type { Migration } from '../migration.ts';

export const foldedJobs: Migration = {
  version: 9,
  sql: `
    -- day_ms: start of the day in UTC on which the jobs were created. outcome: 1 served, 2 failed. model, peer, asset:
    -- numbers of shared texts; asset is 0 for jobs without one. charged_jobs: those with a ledger entry; charged is their
    -- sum. checksum: see migration 7.
    CREATE TABLE job_fold (
      day_ms INTEGER NOT NULL,
      side INTEGER NOT NULL CHECK (side IN (0, 1)),
      outcome INTEGER NOT NULL CHECK (outcome IN (1, 2)),
      model INTEGER NOT NULL REFERENCES shared_text (number),
      peer INTEGER NOT NULL REFERENCES shared_text (number),
      asset INTEGER NOT NULL,
      jobs INTEGER NOT NULL,
      charged_jobs INTEGER NOT NULL,
      charged TEXT NOT NULL,
      input_tokens INTEGER NOT NULL,
      output_tokens INTEGER NOT NULL,
      checksum TEXT NOT NULL,
      PRIMARY KEY (day_ms, side, outcome, model, peer, asset)
    ) STRICT, WITHOUT ROWID;
  `,
};
