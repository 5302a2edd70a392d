/**
 * Audits the ledger against independent sources: signed receipts, the payment protocol's own records and the chain.
 * Every difference is named; nothing is changed.
 */
import type { Amount } from '../../../shared/money.ts';
import { compareWithChain } from './chain.ts';
import { compareWithReceipts } from './receipts.ts';
import type { AuditSources, Difference, Findings } from './sources.ts';

export interface RebuiltBalance {
  readonly account: string;
  readonly assetId: string;
  readonly books: Amount;
  /** Null if no other source has it. */
  readonly rebuilt: Amount | null;
}

export interface Audit {
  readonly differences: readonly Difference[];
  /** Comparisons that were not possible, each with its reason. */
  readonly notes: readonly string[];
  readonly balances: readonly RebuiltBalance[];
  readonly counted: { readonly entries: number; readonly receipts: number; readonly transactions: number };
}

/** Compares everything that can be compared. */
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
  const problems = sources.problems();
  // Prevents an unhandled rejection when a comparison fails first.
  problems.catch(() => undefined);
  const receipts = await compareWithReceipts(sources, findings);
  const { entries, transactions } = await compareWithChain(sources, receipts, findings);
  const stored = (await problems).map(({ sequence, key, what }) => ({
    about: key === null ? `entry ${sequence ?? ''}`.trim() : `entry ${sequence} (${key})`,
    what,
  }));
  const balances = sources.ledger.trialBalance().map(({ account, assetId }) => {
    const books = sources.ledger.balance(account, assetId);
    const found = rebuilt.get(`${account} ${assetId}`);
    return { account, assetId, books, rebuilt: found === undefined ? null : (found as Amount) };
  });
  for (const { account, assetId, books, rebuilt: found } of balances) {
    if (found !== null && found !== books) {
      findings.differ(
        `${account} in ${assetId}`,
        `The ledger has ${books}; receipts and chain give ${found} (${books > found ? 'more' : 'less'} by ${books > found ? books - found : found - books}).`,
      );
    }
  }
  return {
    differences: [...stored, ...differences],
    notes,
    balances,
    counted: { entries, receipts: receipts.count, transactions },
  };
}
