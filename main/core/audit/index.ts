/**
 * Whether the books are right, by what is not the books: signed receipts, the payment's own records and the
 * chain. Every difference is named; nothing is changed.
 */
import type { Job } from '../../../shared/jobs.ts';
import type { Amount } from '../../../shared/money.ts';
import type { ChainEvidence, SoldChannelRecord } from '../../ports/evidence.ts';
import type { VerifySigned } from '../../ports/network.ts';
import type { Ledger } from '../ledger/index.ts';
import { compareWithChain } from './chain.ts';
import { compareWithReceipts } from './receipts.ts';

/** One thing that is not as it should be. */
export interface Difference {
  /** What it is about, e.g. `channel 0x…` or `job …`. */
  readonly about: string;
  /** One sentence. */
  readonly what: string;
}

export interface AuditSources {
  readonly ledger: Pick<
    Ledger,
    'problems' | 'pages' | 'find' | 'balance' | 'trialBalance' | 'bookedOnChannel' | 'sumForChannel'
  >;
  /** All jobs, a page at a time. */
  readonly jobs: () => Iterable<readonly Job[]>;
  readonly findJob: (id: string) => Job | null;
  readonly soldChannels: readonly SoldChannelRecord[];
  /** The peer id of this machine, which signs what it sells; null when it is not known. */
  readonly ownPeer: string | null;
  readonly verifySigned: VerifySigned;
  /** One for each network that the books name; null where it cannot be asked. */
  readonly chains: ReadonlyMap<string, ChainEvidence | null>;
  /** Addresses that hold this owner's money, whose keys are here. */
  readonly addresses: readonly string[];
}

export interface RebuiltBalance {
  readonly account: string;
  readonly assetId: string;
  readonly books: Amount;
  /** Null where only the books know. */
  readonly rebuilt: Amount | null;
}

export interface Audit {
  readonly differences: readonly Difference[];
  /** What could not be compared, and why. */
  readonly notes: readonly string[];
  readonly balances: readonly RebuiltBalance[];
  readonly counted: { readonly entries: number; readonly receipts: number; readonly transactions: number };
}

/** Collects what the parts find. */
export interface Findings {
  differ(about: string, what: string): void;
  note(text: string): void;
  rebuilt(account: string, assetId: string, amount: bigint): void;
}

/** The network that an asset's id names. */
export function networkOf(assetId: string): string {
  return assetId.slice(0, assetId.lastIndexOf('/'));
}

export async function audit(sources: AuditSources): Promise<Audit> {
  const differences: Difference[] = [];
  const notes: string[] = [];
  const rebuilt = new Map<string, bigint>();
  const findings: Findings = {
    differ: (about, what) => differences.push({ about, what }),
    note: (text) => notes.push(text),
    rebuilt(account, assetId, value) {
      const key = `${account} ${assetId}`;
      rebuilt.set(key, (rebuilt.get(key) ?? 0n) + value);
    },
  };
  for (const { sequence, key, what } of sources.ledger.problems()) {
    findings.differ(key === null ? `entry ${sequence ?? ''}`.trim() : `entry ${sequence} (${key})`, what);
  }
  const receipts = await compareWithReceipts(sources, findings);
  const { entries, transactions } = await compareWithChain(sources, receipts, findings);
  const balances = sources.ledger.trialBalance().map(({ account, assetId }) => {
    const books = sources.ledger.balance(account, assetId);
    const found = rebuilt.get(`${account} ${assetId}`);
    return { account, assetId, books, rebuilt: found === undefined ? null : (found as Amount) };
  });
  for (const { account, assetId, books, rebuilt: found } of balances) {
    if (found !== null && found !== books) {
      findings.differ(
        `${account} in ${assetId}`,
        `The books say ${books}; receipts and chain say ${found} (${books > found ? 'more' : 'less'} by ${books > found ? books - found : found - books}).`,
      );
    }
  }
  return { differences, notes, balances, counted: { entries, receipts: receipts.count, transactions } };
}
