/**
 * Verifies that the stored ledger is what was written: each posting's hash, balance and sequence number, and the running
 * sums against the lines. Reads the postings in pages, so that a large ledger needs little memory.
 */
import { z } from 'zod';
import type { LedgerLine, LedgerProblem } from '../../ports/ledger.ts';
import { FlowComparison } from './flow-comparison.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';
import { GENESIS, postingHash } from './ledger-chain.ts';
import { readRows } from './ledger-rows.ts';
import {
  addTo,
  addToSums,
  createSums,
  keyParts,
  pairKey,
  readBalances,
  readChannelSums,
} from './ledger-sums.ts';

const PAGE = 1_000;
/** Enough to see what happened; a damaged ledger may have a million problems. */
const PROBLEMS_MAX = 100;
/**
 * Number of appended postings after which a checkpoint is set. Sums are stored with it, and each reader adds up the
 * postings after it: few enough that it doesn't wait for them, many enough that a job hardly writes for its sums.
 */
export const CHECKPOINT_EVERY = 256;

interface Checkpoint {
  readonly sequence: number;
  readonly hash: string;
  /** Key: account and asset. */
  readonly balances: ReadonlyMap<string, bigint>;
}

const BEGINNING: Checkpoint = { sequence: 0, hash: GENESIS, balances: new Map() };

const balanceKeySchema = z.tuple([z.string(), z.string()]);
const balancesSchema = z.record(z.string(), z.string().regex(/^-?\d+$/));

/** The sums as they are stored with it end with this posting. */
function readCheckpoint(reader: ReadHandle): Checkpoint {
  const row = reader.get<{ sequence: number; hash: string; balances: string }>(
    'SELECT sequence, hash, balances FROM ledger_checkpoint',
  );
  if (row === null) return BEGINNING;
  const balances = Object.entries(balancesSchema.parse(JSON.parse(row.balances))).map(([key, amount]) => {
    const [account, assetId] = balanceKeySchema.parse(JSON.parse(key));
    return [pairKey(account, assetId), BigInt(amount)] as const;
  });
  return { ...row, balances: new Map(balances) };
}

/** Saves the running balances as the point from which the next check starts. */
export function setCheckpoint(writer: WriteHandle, sequence: number, hash: string): void {
  const rows = writer.all<{ account: string; asset_id: string; amount: string }>(
    'SELECT account, asset_id, amount FROM ledger_balance',
  );
  const balances = rows.map((row) => [JSON.stringify([row.account, row.asset_id]), row.amount]);
  writer.run(
    `INSERT INTO ledger_checkpoint (one, sequence, hash, balances) VALUES (1, ?, ?, ?)
     ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash, balances = excluded.balances`,
    sequence,
    hash,
    JSON.stringify(Object.fromEntries(balances)),
  );
}

type AddProblem = (what: string, sequence?: number | null, key?: string | null) => void;

/** Implements {@link LedgerStore.check}. */
export function checkLedger(reader: ReadHandle, scope: 'new' | 'all'): readonly LedgerProblem[] {
  const checkpoint = readCheckpoint(reader);
  const start = scope === 'all' ? BEGINNING : checkpoint;
  const problems: LedgerProblem[] = [];
  const addProblem: AddProblem = (what, sequence = null, key = null) => {
    if (problems.length < PROBLEMS_MAX) problems.push({ sequence, key, what });
  };
  const flows = scope === 'all' ? new FlowComparison(reader) : null;
  const last = checkPostings(reader, { start, summedTo: checkpoint.sequence, flows }, addProblem);
  const head = reader.get<{ sequence: number }>('SELECT sequence FROM ledger_head')?.sequence ?? 0;
  if (head > last.sequence)
    addProblem(`The newest entries are missing: ${head} were written, ${last.sequence} exist.`);
  if (head < last.sequence) addProblem(`Entries after ${head} were not written by Idlewatt.`, head + 1);

  compare('The running balance of', last.balances, readBalances(reader), addProblem);
  if (flows !== null) {
    compare('The checkpoint of', last.balances, checkpoint.balances, addProblem);
    compare('The running sum of channel', last.channels, readChannelSums(reader), addProblem);
    for (const { key, computed, stored } of flows.finish()) {
      addProblem(difference('The running flow of', key, stored, computed));
    }
  }
  return problems;
}

/** The postings up to one, all of them checked. */
interface Checked {
  /** Sequence number of the last one. */
  readonly sequence: number;
  /** Sums by account and asset, and by account and channel, up to the last checkpoint. */
  readonly balances: ReadonlyMap<string, bigint>;
  readonly channels: ReadonlyMap<string, bigint>;
}

interface CheckedPart {
  readonly start: Checkpoint;
  /** The stored sums end with this posting. */
  readonly summedTo: number;
  /** Compares the flows; null to leave that out. */
  readonly flows: FlowComparison | null;
}

/** Checks each posting after `start`. */
function checkPostings(
  reader: ReadHandle,
  { start, summedTo, flows }: CheckedPart,
  addProblem: AddProblem,
): Checked {
  const balances = new Map(start.balances);
  const channels = new Map<string, bigint>();
  let { sequence: last, hash } = start;
  for (;;) {
    const page = readRows(reader, last, PAGE);
    const sums = createSums();
    for (const row of page) {
      const { sequence, hash: stored, key, lines } = row;
      if (sequence !== last + 1) addProblem(`Entries ${last + 1} to ${sequence - 1} are missing.`, last + 1);
      if (stored !== postingHash(hash, sequence, row, row.hashedLines)) {
        addProblem('The entry was changed: its hash does not match.', sequence, key);
      }
      const imbalance = findImbalance(lines);
      if (imbalance !== null) addProblem(imbalance, sequence, key);
      if (sequence <= summedTo) addToSums(sums, row);
      last = sequence;
      // Continue from the stored hash, so that one changed row is reported as one problem.
      hash = stored ?? hash;
    }
    addTo(balances, sums.balances);
    addTo(channels, sums.channels);
    flows?.add(sums.flows);
    flows?.compareTo(Math.min(...page.map(({ atMs }) => atMs)));
    if (page.length < PAGE) return { sequence: last, balances, channels };
  }
}

function findImbalance(lines: readonly LedgerLine[]): string | null {
  if (lines.length < 2) return 'The entry has fewer than two lines.';
  const sums = new Map<string, bigint>();
  for (const { assetId, amount } of lines) sums.set(assetId, (sums.get(assetId) ?? 0n) + amount);
  const off = [...sums].find(([, sum]) => sum !== 0n);
  return off === undefined ? null : `The entry does not balance: its lines in ${off[0]} sum to ${off[1]}.`;
}

/** Reports each difference between computed and stored sums. Zero and absent are the same. */
function compare(
  what: string,
  computed: ReadonlyMap<string, bigint>,
  stored: ReadonlyMap<string, bigint>,
  addProblem: AddProblem,
): void {
  for (const key of new Set([...computed.keys(), ...stored.keys()])) {
    const [left, right] = [computed.get(key) ?? 0n, stored.get(key) ?? 0n];
    if (left !== right) addProblem(difference(what, key, right, left));
  }
}

function difference(what: string, key: string, stored: bigint | string, computed: bigint | string): string {
  return `${what} ${keyParts(key).join(' ')} is ${stored}, but its entries sum to ${computed}.`;
}
