/** Finds ledger entries of jobs that don't exist. */
import type { Posting } from '../../ports/ledger.ts';
import { isCharged } from './receipts.ts';
import type { AuditSources, Findings } from './sources.ts';

/** True for the entry of a job's charge. */
export function isOfJob({ kind }: Posting): boolean {
  return kind === 'job-charged' || kind === 'job-bought';
}

/** Reports ledger entries whose job doesn't exist or isn't charged. */
export function nameOrphans({ ledger, findJob }: AuditSources, findings: Findings): void {
  for (const page of ledger.pages()) {
    for (const { posting } of page) {
      if (!isOfJob(posting)) continue;
      const job = posting.jobId === null ? null : findJob(posting.jobId);
      if (job === null || !isCharged(job)) findings.differ(`entry ${posting.key}`, 'It has no charged job.');
    }
  }
}
