/**
 * Compares the stored flows with those of the postings, both read in the order of time: what is equal is forgotten, so
 * that a ledger of any length needs little memory.
 */
import type { ReadHandle } from './handles.ts';
import { flowKey, keyParts, SEPARATOR } from './ledger-sums.ts';

/** Difference between a stored flow and its postings. */
export interface FlowDifference {
  /** See `Sums.flows`. */
  readonly key: string;
  readonly computed: string;
  readonly stored: string;
}

interface FlowRow {
  readonly from_ms: number;
  readonly name: string;
  readonly amount: string;
  readonly jobs: number;
}

interface Group {
  readonly account: string;
  readonly asset_id: string;
  readonly by: string;
}

export class FlowComparison {
  readonly #reader: ReadHandle;
  readonly #groups: readonly Group[];
  /** Computed minus stored, without those that are equal. */
  readonly #open = new Map<string, { amount: bigint; jobs: number }>();
  /** Every stored flow before this time has been subtracted. */
  #comparedToMs = Number.MIN_SAFE_INTEGER;

  constructor(reader: ReadHandle) {
    this.#reader = reader;
    this.#groups = reader.all<Group>('SELECT DISTINCT account, asset_id, by FROM ledger_flow');
  }

  /** Number of flows held in memory. */
  get openFlows(): number {
    return this.#open.size;
  }

  /** Adds the flows of some postings; the earlier ones are expected first, and all are accepted. */
  add(flows: ReadonlyMap<string, { readonly amount: bigint; readonly jobs: number }>): void {
    for (const [key, { amount, jobs }] of flows) this.#change(key, amount, jobs);
  }

  /** Subtracts the stored flows before this time. */
  compareTo(toMs: number): void {
    if (toMs <= this.#comparedToMs) return;
    for (const { account, asset_id, by } of this.#groups) {
      const rows = this.#reader.iterate<FlowRow>(
        `SELECT from_ms, name, amount, jobs FROM ledger_flow
         WHERE account = ? AND asset_id = ? AND by = ? AND from_ms >= ? AND from_ms < ?`,
        ...[account, asset_id, by, this.#comparedToMs, toMs],
      );
      for (const { from_ms, name, amount, jobs } of rows) {
        this.#change(flowKey(account, asset_id, by, from_ms, name), -BigInt(amount), -jobs);
      }
    }
    this.#comparedToMs = toMs;
  }

  /** Compares what is left and returns the differences. */
  finish(): FlowDifference[] {
    this.compareTo(Number.MAX_SAFE_INTEGER);
    return [...this.#open].map(([key, { amount, jobs }]) => {
      const [account = '', asset = '', by = '', fromMs, ...name] = keyParts(key);
      const row = this.#reader.get<FlowRow>(
        `SELECT from_ms, name, amount, jobs FROM ledger_flow
         WHERE account = ? AND asset_id = ? AND by = ? AND from_ms = ? AND name = ?`,
        ...[account, asset, by, Number(fromMs), name.join(SEPARATOR)],
      );
      const stored = { amount: BigInt(row?.amount ?? 0), jobs: row?.jobs ?? 0 };
      return {
        key,
        computed: `${stored.amount + amount} in ${stored.jobs + jobs} jobs`,
        stored: `${stored.amount} in ${stored.jobs} jobs`,
      };
    });
  }

  #change(key: string, amount: bigint, jobs: number): void {
    const open = this.#open.get(key);
    if (open === undefined) {
      if (amount !== 0n || jobs !== 0) this.#open.set(key, { amount, jobs });
      return;
    }
    open.amount += amount;
    open.jobs += jobs;
    if (open.amount === 0n && open.jobs === 0) this.#open.delete(key);
  }
}
