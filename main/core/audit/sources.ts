/** Inputs of an audit, and the collector of its findings. */
import type { Job } from '../../../shared/jobs.ts';
import type { ChainEvidence, SoldChannelRecord } from '../../ports/evidence.ts';
import type { FoldedJobs } from '../../ports/jobs.ts';
import type { LedgerProblem } from '../../ports/ledger.ts';
import type { VerifySigned } from '../../ports/network.ts';
import type { Ledger } from '../ledger/index.ts';

/** One deviation from what should be. */
export interface Difference {
  /** The subject, e.g. `channel 0x…` or `job …`. */
  readonly about: string;
  /** One sentence. */
  readonly what: string;
}

export interface AuditSources {
  readonly ledger: Pick<
    Ledger,
    'pages' | 'findLines' | 'balance' | 'trialBalance' | 'bookedOnChannel' | 'sumForChannel'
  >;
  /** Verifies what is stored, meanwhile: see `Ledger.problems`. */
  readonly problems: () => Promise<readonly LedgerProblem[]>;
  /** All jobs, a page at a time. */
  readonly jobs: () => Iterable<readonly Job[]>;
  /** Sums of the jobs whose details are no longer stored. */
  readonly folded: readonly FoldedJobs[];
  readonly findJob: (id: string) => Job | null;
  readonly soldChannels: readonly SoldChannelRecord[];
  /** Peer IDs of this machine, which sign its receipts: the current one first, then former ones. Empty when unknown. */
  readonly ownPeers: readonly string[];
  readonly verifySigned: VerifySigned;
  /** One for each network in the ledger; null if it is unavailable. */
  readonly chains: ReadonlyMap<string, ChainEvidence | null>;
  /** Addresses that hold this owner's money and whose keys are on this machine. */
  readonly addresses: readonly string[];
}

/** Collects the findings of the comparisons. */
export interface Findings {
  differ(about: string, what: string): void;
  note(text: string): void;
  rebuilt(account: string, assetId: string, amount: bigint): void;
}
