/** Compares the signed receipts with the jobs, the price formula and the ledger. */
import { isCustomerId } from '../../../shared/customers.ts';
import type { Job } from '../../../shared/jobs.ts';
import { amount } from '../../../shared/money.ts';
import { type Receipt, receiptSchema } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { AuditSources, Findings } from './sources.ts';

/** Totals of the receipts. */
export interface ReceiptSums {
  readonly count: number;
  /** Charges that are not recorded in the ledger yet, by channel. */
  readonly underWay: ReadonlyMap<string, bigint>;
  /** Charged jobs with their ledger entry. */
  readonly booked: number;
  /** Charges to customers that paid in advance. */
  readonly customers: ReadonlyMap<string, bigint>;
}

/** Checks every charged job; returns the totals for the comparison with the chain. */
export async function compareWithReceipts(sources: AuditSources, findings: Findings): Promise<ReceiptSums> {
  const underWay = new Map<string, bigint>();
  const customers = new Map<string, bigint>();
  const totals = { count: 0, unsigned: 0, booked: 0 };
  // The signatures of a page are checked on other cores while the next one is read.
  let before = Promise.resolve();
  for (const page of sources.jobs()) {
    const charged: ChargedJob[] = [];
    for (const job of page) {
      if (isCharged(job)) {
        charged.push(job);
        const { channelId } = job;
        if (isCustomerId(channelId))
          customers.set(channelId, (customers.get(channelId) ?? 0n) + BigInt(job.charged));
      } else if (job.state === 'delivered' && job.channelId !== null && job.charged !== null) {
        // Intended, but not known to be charged: a job in progress, or one that the next start decides.
        underWay.set(job.channelId, (underWay.get(job.channelId) ?? 0n) + BigInt(job.charged));
      }
    }
    const current = checkCharged(charged, sources, findings, totals);
    // It is awaited after the next page.
    current.catch(() => undefined);
    await before;
    before = current;
  }
  await before;
  const { count, unsigned, booked } = totals;
  if (unsigned > 0) {
    findings.note(
      `${unsigned} charged jobs have no receipt, because of a crash or because the requester left before it; the channels' vouchers cover them.`,
    );
  }
  return { count, underWay, booked, customers };
}

/** Checks the jobs of a page, adds to the totals and reports differences in the order of the jobs. */
async function checkCharged(
  charged: readonly ChargedJob[],
  sources: AuditSources,
  findings: Findings,
  totals: { count: number; unsigned: number; booked: number },
): Promise<void> {
  const flaws = Promise.all(charged.map((job) => job.receipt && receiptFlaw(job, job.receipt, sources)));
  const differences = charged.map((job) => entryFlaws(job, sources));
  for (const [index, flaw] of (await flaws).entries()) {
    const job = charged[index];
    const { found, flaws: others } = differences[index] ?? { found: false, flaws: [] };
    if (job?.receipt === null) totals.unsigned += 1;
    else totals.count += 1;
    if (found) totals.booked += 1;
    for (const what of [flaw, ...others]) if (what !== null) findings.differ(`job ${job?.id}`, what);
  }
}

type ChargedJob = Job & { readonly charged: string; readonly cumulative: string; readonly channelId: string };

/** True if money moved for this job. */
export function isCharged(job: Job): job is ChargedJob {
  return job.charged !== null && job.charged !== '0' && job.channelId !== null && job.cumulative !== null;
}

/** Compares a charged job with its ledger entry. */
function entryFlaws(
  job: ChargedJob,
  { ledger }: AuditSources,
): { readonly found: boolean; readonly flaws: readonly string[] } {
  const lines = ledger.findLines(`job:${job.id}:charged`);
  if (lines === null) {
    return { found: false, flaws: [`It was charged ${job.charged}, but the ledger has no entry for it.`] };
  }
  const flaws: string[] = [];
  const paidFrom = isCustomerId(job.channelId) ? 'customers:balance' : 'channels:owed';
  const account = job.side === 'sold' ? paidFrom : 'expense:inference';
  const line = lines.find((entry) => entry.account === account);
  if (line?.amount !== amount(job.charged) || line.assetId !== job.assetId) {
    flaws.push(
      `It was charged ${job.charged} of ${job.assetId}; the ledger has ${line?.amount ?? 'nothing'} of ${line?.assetId ?? 'it'}.`,
    );
  }
  if (line !== undefined && line.channelId !== job.channelId) {
    flaws.push('The ledger entry has another channel than the job.');
  }
  return { found: true, flaws };
}

/** Returns the own peer ID that the receipt names as its signer; the current one if it names none of them. */
function ownSigner(jws: string, ownPeers: readonly string[]): string | undefined {
  const header = Buffer.from(jws.split('.')[0] ?? '', 'base64url').toString();
  return ownPeers.find((peer) => header.includes(`"${peer}"`)) ?? ownPeers[0];
}

/** Describes why a receipt is invalid; null if it is valid. */
async function receiptFlaw(job: Job, jws: string, sources: AuditSources): Promise<string | null> {
  const signer = job.side === 'sold' ? ownSigner(jws, sources.ownPeers) : job.peer;
  if (signer === undefined)
    return 'The signer of its receipt can’t be checked: this machine’s peer ID is unknown.';
  let receipt: Receipt;
  try {
    receipt = receiptSchema.parse(await sources.verifySigned(jws, signer));
  } catch {
    return 'The signature of its receipt is invalid.';
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
  // A bought job has an ID of its own on this machine.
  if (job.side === 'sold') pairs.push(['job', job.id, receipt.job]);
  const other = pairs.find(([, ofJob, ofReceipt]) => ofJob !== ofReceipt);
  if (other !== undefined) return `Its ${other[0]} is ${other[1]}; its receipt has ${other[2]}.`;
  const { inputTokens: input, cachedTokens: cached = 0, outputTokens: output } = receipt;
  if (cached > input) return `Its receipt has ${cached} cached input tokens of ${input}.`;
  const costMax = charge(receipt.price, { input, cached, output });
  if (BigInt(receipt.charged) > costMax)
    return `It was charged ${receipt.charged}; at its price it costs ${costMax}.`;
  return null;
}
