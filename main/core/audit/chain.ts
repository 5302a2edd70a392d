/** Compares the ledger with the payment records and the chain: channels, transactions, balances held. */
import { AppError } from '../../../shared/errors.ts';
import { kudosOf } from '../../../shared/horde.ts';
import { networkOf } from '../../../shared/money.ts';
import type { ChainEvidence, TransactionEvidence } from '../../ports/evidence.ts';
import type { KeptPosting, LedgerLine, Posting } from '../../ports/ledger.ts';
import { compareFolded, isOfJob } from './orphans.ts';
import type { ReceiptSums } from './receipts.ts';
import type { AuditSources, Findings } from './sources.ts';

/** The parts of one network that appear in the ledger. */
interface Named {
  /** Channels by the side of this machine. */
  readonly sold: Set<string>;
  readonly bought: Set<string>;
  /** Entries with a transaction. */
  readonly onChain: Posting[];
}

const TRANSACTIONS_AT_ONCE = 8;

/** Also compares the number of entries with that of the jobs. Returns the number of entries and of transactions. */
export async function compareWithChain(
  sources: AuditSources,
  receipts: ReceiptSums,
  findings: Findings,
): Promise<{ entries: number; transactions: number }> {
  const networks = new Map<string, Named>();
  const customers = new Map<string, CustomerSums>();
  let entries = 0;
  let ofJobs = 0;
  for (const page of sources.ledger.pages()) {
    entries += page.length;
    for (const entry of page) {
      collect(entry, networks, customers);
      if (isOfJob(entry.posting)) ofJobs += 1;
    }
  }
  if (ofJobs !== receipts.booked || sources.folded.length > 0) compareFolded(sources, findings);
  compareCustomers(sources, customers, receipts, findings);
  let transactions = 0;
  for (const [network, named] of networks) {
    const evidence = sources.chains.get(network) ?? null;
    const sold = await compareSold(sources, named, receipts, evidence, findings);
    if (evidence === null) {
      findings.note(
        `Chain ${network} is unavailable: amounts claimed, paid out and held there were not compared.`,
      );
      continue;
    }
    try {
      if (sold) await compareClaims(sources, evidence, findings);
      await compareBought(sources, named, evidence, findings);
      transactions += await compareTransactions(named.onChain, evidence, findings);
      await compareHeld(sources, evidence, findings);
    } catch (cause) {
      if (!(cause instanceof AppError)) throw cause;
      findings.differ(`chain ${network}`, `It became unavailable during the audit: ${cause.message}`);
    }
  }
  return { entries, transactions };
}

interface CustomerSums {
  readonly assetId: string;
  /** For answers whose jobs had ended as unpaid. */
  readonly paidLate: bigint;
}

function collect(
  { posting }: KeptPosting,
  networks: Map<string, Named>,
  customers: Map<string, CustomerSums>,
): void {
  const reversed = posting.kind === 'reversal';
  for (const { account, assetId, channelId, amount } of posting.lines) {
    // No chain has them.
    if (kudosOf(assetId) !== null) continue;
    const network = networkOf(assetId);
    const named = networks.get(network) ?? { sold: new Set(), bought: new Set(), onChain: [] };
    networks.set(network, named);
    if (channelId !== null && account === 'customers:balance') {
      const known = customers.get(channelId) ?? { assetId, paidLate: 0n };
      customers.set(channelId, known);
    }
    if (channelId !== null && posting.kind === 'customer-paid' && account === 'income:jobs') {
      const { paidLate } = customers.get(channelId) ?? { paidLate: 0n };
      customers.set(channelId, { assetId, paidLate: paidLate - amount });
    }
    if (channelId !== null && account === 'channels:owed') named.sold.add(channelId);
    if (channelId !== null && account === 'channels:deposited') named.bought.add(channelId);
    if (posting.txHash !== null && !reversed && named.onChain.at(-1) !== posting) named.onChain.push(posting);
  }
}

/** Compares what customers were charged, by asset, with their jobs. Old jobs are counted by the ledger alone. */
function compareCustomers(
  { ledger, folded, chains }: AuditSources,
  customers: ReadonlyMap<string, CustomerSums>,
  receipts: ReceiptSums,
  findings: Findings,
): void {
  for (const [id, { assetId, paidLate }] of customers) {
    const booked = ledger.bookedOnChannel('sold', id);
    const charged = (receipts.customers.get(id) ?? 0n) + paidLate;
    if (booked !== charged && folded.length === 0) {
      findings.differ(
        `customer ${id}`,
        `Its jobs and late payments were charged ${charged}; the ledger has ${booked} as income.`,
      );
    }
    // Without the chain, no other income is rebuilt.
    if (chains.get(networkOf(assetId))) findings.rebuilt('income:jobs', assetId, booked);
  }
}

/** Returns true if anything was sold on this network. */
async function compareSold(
  { ledger, soldChannels }: AuditSources,
  { sold }: Named,
  { underWay }: ReceiptSums,
  evidence: ChainEvidence | null,
  findings: Findings,
): Promise<boolean> {
  if (sold.size === 0) return false;
  const records = new Map(soldChannels.map((record) => [record.channelId, record]));
  const states = evidence === null ? null : await evidence.channels([...sold]);
  for (const channelId of sold) {
    const booked = ledger.bookedOnChannel('sold', channelId);
    const record = records.get(channelId);
    const charged = record?.charged ?? null;
    if (charged !== null && booked !== charged && booked + (underWay.get(channelId) ?? 0n) !== charged) {
      findings.differ(
        `channel ${channelId}`,
        `Its vouchers were charged ${charged}; the ledger has ${booked} as income.`,
      );
    }
    if (record !== undefined && record.charged > record.promised) {
      findings.differ(
        `channel ${channelId}`,
        `It was charged ${record.charged}; its payer has signed for up to ${record.promised}.`,
      );
    }
    const state = states?.get(channelId);
    if (evidence === null || state === undefined) continue;
    const claimed = ledger.sumForChannel('contract:claimed', channelId);
    if (claimed !== state.totalClaimed) {
      findings.differ(
        `channel ${channelId}`,
        `On-chain, ${state.totalClaimed} of it are claimed; the ledger has ${claimed}.`,
      );
    }
    if (charged === null && booked !== state.totalClaimed) {
      findings.differ(`channel ${channelId}`, 'It has a balance due, and its voucher is missing.');
    }
    const isUnderWay = charged === booked + (underWay.get(channelId) ?? 0n);
    const earned = charged === null || isUnderWay ? booked : charged;
    // A channel is used for one of both.
    const isRelaying = ledger.sumForChannel('income:relaying', channelId) !== 0n;
    findings.rebuilt(isRelaying ? 'income:relaying' : 'income:jobs', evidence.tokenId, earned);
    findings.rebuilt('channels:owed', evidence.tokenId, earned - state.totalClaimed);
  }
  return true;
}

async function compareClaims(
  { soldChannels }: AuditSources,
  evidence: ChainEvidence,
  findings: Findings,
): Promise<void> {
  for (const receiver of new Set(soldChannels.map((record) => record.receiver.toLowerCase()))) {
    const { claimed, settled } = await evidence.receiver(receiver);
    findings.rebuilt('contract:claimed', evidence.tokenId, claimed - settled);
  }
}

async function compareBought(
  { ledger }: AuditSources,
  { bought }: Named,
  evidence: ChainEvidence,
  findings: Findings,
): Promise<void> {
  const states = await evidence.channels([...bought]);
  for (const [channelId, { balance }] of states) {
    const spent = ledger.bookedOnChannel('bought', channelId);
    const left = ledger.sumForChannel('channels:deposited', channelId);
    if (left + spent !== balance) {
      findings.differ(
        `channel ${channelId}`,
        `On-chain, its deposit is ${balance}; the ledger has ${left + spent}.`,
      );
    }
    findings.rebuilt('channels:deposited', evidence.tokenId, balance - spent);
  }
}

/** Returns the number of transactions that could be compared. */
async function compareTransactions(
  postings: readonly Posting[],
  evidence: ChainEvidence,
  findings: Findings,
): Promise<number> {
  let compared = 0;
  let unknown = 0;
  let fees = 0n;
  for (let index = 0; index < postings.length; index += TRANSACTIONS_AT_ONCE) {
    await Promise.all(
      postings.slice(index, index + TRANSACTIONS_AT_ONCE).map(async (posting) => {
        const found = posting.txHash === null ? null : await evidence.transaction(posting.txHash);
        if (found === null) {
          unknown += 1;
          return;
        }
        compared += 1;
        if (posting.kind === 'network-fee') fees += found.fee;
        const flaw = transactionFlaw(posting, found, evidence);
        if (flaw !== null) findings.differ(`entry ${posting.key}`, flaw);
      }),
    );
  }
  if (unknown === 0) findings.rebuilt('fees:network', evidence.coinId, fees);
  else {
    findings.note(
      `${unknown} entries have transactions that this node doesn't store; the on-chain totals cover them.`,
    );
  }
  return compared;
}

/** Describes how an entry and its transaction differ; null if they match. */
function transactionFlaw(
  { kind, lines }: Posting,
  found: TransactionEvidence,
  { tokenId, coinId }: ChainEvidence,
): string | null {
  const moved = (account: LedgerLine['account'], assetId: string) =>
    lines
      .filter((line) => line.account === account && line.assetId === assetId)
      .reduce((sum, line) => sum + line.amount, 0n);
  if (kind === 'network-fee') {
    const fee = moved('fees:network', coinId);
    return fee === found.fee ? null : `The fee was ${found.fee} on-chain; the ledger has ${fee}.`;
  }
  const parts = {
    'channels-claimed': { account: 'contract:claimed', sign: 1n, onChain: found.claimed },
    'channel-deposit': { account: 'channels:deposited', sign: 1n, onChain: found.deposited },
    'channel-refund': { account: 'channels:deposited', sign: -1n, onChain: found.returned },
  } as const;
  if (kind === 'payout') {
    const paid = -moved('contract:claimed', tokenId);
    return paid === found.settled ? null : `The chain paid out ${found.settled}; the ledger has ${paid}.`;
  }
  if ((kind === 'customer-paid' || kind === 'customer-paid-out') && !found.succeeded)
    return 'It was recorded, but its transaction was reverted.';
  if (kind !== 'channels-claimed' && kind !== 'channel-deposit' && kind !== 'channel-refund') return null;
  if (!found.succeeded) return 'It was recorded, but its transaction was reverted.';
  const { account, sign, onChain } = parts[kind];
  for (const line of lines) {
    if (line.account !== account || line.channelId === null) continue;
    const there = onChain.get(line.channelId) ?? 0n;
    if (there !== sign * line.amount) {
      return `The chain moved ${there} on channel ${line.channelId}; the ledger has ${sign * line.amount}.`;
    }
  }
  return null;
}

/** Less than in the ledger is a loss; more is money that came from elsewhere and was not recorded. */
async function compareHeld(
  { ledger, addresses }: AuditSources,
  evidence: ChainEvidence,
  findings: Findings,
): Promise<void> {
  if (addresses.length === 0) {
    findings.note('The wallet balance was not compared: its address is unknown on this machine.');
    return;
  }
  let held = 0n;
  for (const address of addresses) held += await evidence.held(address);
  const recorded = ledger.balance('wallet', evidence.tokenId);
  if (held > recorded) {
    findings.note(
      `The wallet holds ${held - recorded} of ${evidence.tokenId} more than was ever recorded: it came from elsewhere.`,
    );
  } else findings.rebuilt('wallet', evidence.tokenId, held);
}
