/** The signed receipts against the jobs, the price formula and the books. */
import type { Job } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import { type Receipt, receiptSchema } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { AuditSources, Findings } from './index.ts';

/** What the receipts add up to. */
export interface ReceiptSums {
  readonly count: number;
  /** Charged jobs that are still on their way into the books, by channel. */
  readonly underWay: ReadonlyMap<string, bigint>;
}

export async function compareWithReceipts(sources: AuditSources, findings: Findings): Promise<ReceiptSums> {
  const { ledger } = sources;
  const underWay = new Map<string, bigint>();
  let count = 0;
  let unsigned = 0;
  let booked = 0;
  for (const page of sources.jobs()) {
    for (const job of page) {
      if (job.charged === null || job.charged === '0' || job.channelId === null) continue;
      if (job.cumulative === null) {
        // Intended, and not known to be charged: a running job, or one that the next start decides about.
        if (job.state === 'delivered') {
          underWay.set(job.channelId, (underWay.get(job.channelId) ?? 0n) + BigInt(job.charged));
        }
        continue;
      }
      if (job.receipt === null) unsigned += 1;
      else {
        count += 1;
        const flaw = await receiptFlaw(job, job.receipt, sources);
        if (flaw !== null) findings.differ(`job ${job.id}`, flaw);
      }
      const posting = ledger.find(`job:${job.id}:charged`);
      if (posting === null) {
        findings.differ(
          `job ${job.id}`,
          `It was charged ${job.charged}, and the books have no entry for it.`,
        );
        continue;
      }
      booked += 1;
      const account = job.side === 'sold' ? 'channels:owed' : 'expense:inference';
      const line = posting.lines.find((entry) => entry.account === account);
      if (line?.amount !== amount(job.charged) || line.assetId !== job.assetId) {
        findings.differ(
          `job ${job.id}`,
          `It was charged ${job.charged} of ${job.assetId}; the books say ${line?.amount ?? 'nothing'} of ${line?.assetId ?? 'it'}.`,
        );
      }
      if (line !== undefined && line.channelId !== job.channelId) {
        findings.differ(`job ${job.id}`, 'The books name another channel than the job.');
      }
    }
  }
  nameStrangers(sources, booked, findings);
  if (unsigned > 0) {
    findings.note(
      `${unsigned} charged jobs have no receipt (a crash came before it was signed); the channels' vouchers stand for them.`,
    );
  }
  return { count, underWay };
}

/** Entries that speak of jobs which are not there, or are not charged. */
function nameStrangers({ ledger, findJob }: AuditSources, booked: number, findings: Findings): void {
  const entries: string[] = [];
  let count = 0;
  for (const page of ledger.pages()) {
    for (const { posting } of page) {
      if (posting.kind !== 'job-charged' && posting.kind !== 'job-bought') continue;
      count += 1;
      const job = posting.jobId === null ? null : findJob(posting.jobId);
      if (job === null || job.charged === null || job.cumulative === null) entries.push(posting.key);
    }
  }
  if (count === booked && entries.length === 0) return;
  for (const key of entries) findings.differ(`entry ${key}`, 'No charged job stands behind it.');
}

/** Why a receipt does not hold, or null. */
async function receiptFlaw(job: Job, jws: string, sources: AuditSources): Promise<string | null> {
  const signer = job.side === 'sold' ? sources.ownPeer : job.peer;
  if (signer === null) return 'Who signed its receipt cannot be checked: this machine’s peer id is unknown.';
  let receipt: Receipt;
  try {
    receipt = receiptSchema.parse(await sources.verifySigned(jws, signer));
  } catch {
    return 'The signature of its receipt does not hold.';
  }
  const pairs: [name: string, ofJob: unknown, ofReceipt: unknown][] = [
    ['peer', signer, receipt.peer],
    ['channel', job.channelId, receipt.channelId],
    ['asset', job.assetId, receipt.assetId],
    ['charge', job.charged, receipt.charged],
    ['cumulative amount', job.cumulative, receipt.cumulative],
    ['count of input tokens', job.inputTokens, receipt.inputTokens],
    ['count of output tokens', job.outputTokens, receipt.outputTokens],
  ];
  // What we bought has an id of its own here.
  if (job.side === 'sold') pairs.push(['job', job.id, receipt.job]);
  const other = pairs.find(([, ofJob, ofReceipt]) => ofJob !== ofReceipt);
  if (other !== undefined) return `Its ${other[0]} is ${other[1]}; its receipt says ${other[2]}.`;
  const most = charge(receipt.price, { input: receipt.inputTokens, output: receipt.outputTokens });
  if (BigInt(receipt.charged) > most)
    return `It was charged ${receipt.charged}; by its price it costs ${most}.`;
  return null;
}
