/** Compares ledger entries whose job isn't stored with the daily sums of folded jobs. */
import type { FoldedJobs } from '../../ports/jobs.ts';
import type { Posting } from '../../ports/ledger.ts';
import { isCharged } from './receipts.ts';
import type { AuditSources, Findings } from './sources.ts';

/** Names of entries that are shown where no sum explains them. */
const NAMED_MAX = 100;

/** True for the entry of a job's charge. */
export function isOfJob({ kind }: Posting): boolean {
  return kind === 'job-charged' || kind === 'job-bought';
}

/** Entries without a job, of one side, model, peer and asset. */
interface Orphans {
  entries: number;
  amount: bigint;
  /** Keys of the first ones. */
  readonly keys: string[];
}

/** Reports ledger entries whose job isn't stored as charged and that aren't in a sum of folded jobs, and the reverse. */
export function compareFolded(sources: AuditSources, findings: Findings): void {
  const orphans = findOrphans(sources);
  let jobs = 0;
  for (const fold of sources.folded) {
    const { side, model, peer, assetId, chargedJobs, charged } = fold;
    jobs += fold.jobs;
    const key = keyOf(fold);
    const found = orphans.get(key) ?? { entries: 0, amount: 0n, keys: [] };
    if (chargedJobs === 0 && found.entries === 0) continue;
    orphans.delete(key);
    if (found.entries === chargedJobs && found.amount === charged) continue;
    findings.differ(
      `folded jobs (${side}, ${model}, ${peer})`,
      `${chargedJobs} of them were charged ${charged} of ${assetId}; the ledger has ${found.amount} in ${found.entries} entries.`,
    );
  }
  for (const { keys } of orphans.values()) {
    for (const key of keys) findings.differ(`entry ${key}`, 'It has no charged job.');
  }
  if (jobs > 0) {
    findings.note(
      `${jobs} old jobs are stored as daily sums only: their charges were compared with the ledger, their receipts are gone.`,
    );
  }
}

function findOrphans({ ledger, findJob }: AuditSources): Map<string, Orphans> {
  const orphans = new Map<string, Orphans>();
  for (const page of ledger.pages()) {
    for (const { posting } of page) {
      if (!isOfJob(posting)) continue;
      const job = posting.jobId === null ? null : findJob(posting.jobId);
      if (job !== null && isCharged(job)) continue;
      const side = posting.kind === 'job-charged' ? 'sold' : 'bought';
      // What the buyer pays, or owes: the debit.
      const line = posting.lines.find(({ amount }) => amount > 0n);
      const { model, peer } = posting;
      const key = keyOf({ side, model: model ?? '', peer: peer ?? '', assetId: line?.assetId ?? null });
      const known = orphans.get(key) ?? { entries: 0, amount: 0n, keys: [] };
      orphans.set(key, known);
      known.entries += 1;
      known.amount += line?.amount ?? 0n;
      if (known.keys.length < NAMED_MAX) known.keys.push(posting.key);
    }
  }
  return orphans;
}

function keyOf({
  side,
  model,
  peer,
  assetId,
}: Pick<FoldedJobs, 'side' | 'model' | 'peer' | 'assetId'>): string {
  return JSON.stringify([side, model, peer, assetId]);
}
