/**
 * Whether the kept books are what was written: every posting's hash, balance and place, and the running sums
 * against the lines. It reads pages of postings, so that a large ledger needs little memory.
 */
import { z } from 'zod';
import type { LedgerLine, LedgerProblem } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';
import { GENESIS, postingHash } from './ledger-chain.ts';
import { readLines, readRows } from './ledger-rows.ts';
import { addToSums, createSums, keyParts, pairKey, readSums } from './ledger-sums.ts';

const PAGE = 1_000;
/** Enough to see what happened; a damaged ledger may have a million. */
const PROBLEMS_MAX = 100;
/** A checkpoint is set whenever this many postings were appended. */
export const CHECKPOINT_EVERY = 4_096;

interface Checkpoint {
  readonly sequence: number;
  readonly hash: string;
  /** By account and asset. */
  readonly balances: ReadonlyMap<string, bigint>;
}

const BEGINNING: Checkpoint = { sequence: 0, hash: GENESIS, balances: new Map() };

const placeSchema = z.tuple([z.string(), z.string()]);
const balancesSchema = z.record(z.string(), z.string().regex(/^-?\d+$/));

function readCheckpoint(reader: ReadHandle): Checkpoint {
  const row = reader.get<{ sequence: number; hash: string; balances: string }>(
    'SELECT sequence, hash, balances FROM ledger_checkpoint',
  );
  if (row === null) return BEGINNING;
  const balances = Object.entries(balancesSchema.parse(JSON.parse(row.balances))).map(([place, amount]) => {
    const [account, assetId] = placeSchema.parse(JSON.parse(place));
    return [pairKey(account, assetId), BigInt(amount)] as const;
  });
  return { ...row, balances: new Map(balances) };
}

/** The running balances become the point from which the next start counts. */
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

/** See the port's `check`. */
export function checkLedger(writer: WriteHandle, scope: 'new' | 'all'): readonly LedgerProblem[] {
  const start = scope === 'all' ? BEGINNING : readCheckpoint(writer);
  const problems: LedgerProblem[] = [];
  const note = (what: string, sequence: number | null = null, key: string | null = null) => {
    if (problems.length < PROBLEMS_MAX) problems.push({ sequence, key, what });
  };
  const sums = createSums();
  let { sequence, hash } = start;
  for (;;) {
    const page = readRows(writer, sequence, PAGE);
    for (const row of page) {
      const { sequence: place, hash: kept, key } = row;
      if (place !== sequence + 1) note(`Entries ${sequence + 1} to ${place - 1} are gone.`, sequence + 1);
      if (kept !== postingHash(hash, place, row, row.lines)) {
        note('The entry is not what was written: its hash does not fit.', place, key);
      }
      const lines = readLines(row.lines) ?? [];
      const flaw = imbalance(lines);
      if (flaw !== null) note(flaw, place, key);
      addToSums(sums, { ...row, lines });
      sequence = place;
      // One changed row is one problem: the next is judged by the hash that stands here.
      hash = kept ?? hash;
    }
    if (page.length < PAGE) break;
  }
  const head = writer.get<{ sequence: number }>('SELECT sequence FROM ledger_head')?.sequence ?? 0;
  if (head > sequence) note(`The newest entries are gone: ${head} were written, ${sequence} are there.`);
  if (head < sequence) note(`Entries after ${head} were not written by Idlewatt.`, head + 1);

  const kept = readSums(writer);
  const counted = new Map(start.balances);
  for (const [key, amount] of sums.balances) counted.set(key, (counted.get(key) ?? 0n) + amount);
  compare('The running balance of', counted, kept.balances, note);
  if (scope === 'all') {
    compare('The running sum of channel', sums.channels, kept.channels, note);
    const flows = (of: typeof kept) =>
      new Map([...of.flows].map(([key, { amount, jobs }]) => [key, `${amount} in ${jobs} jobs`]));
    compare('The running flow of', flows(sums), flows(kept), note);
  } else if (problems.length === 0 && sequence > start.sequence) setCheckpoint(writer, sequence, hash);
  return problems;
}

function imbalance(lines: readonly LedgerLine[]): string | null {
  if (lines.length < 2) return 'The entry lacks lines.';
  const sums = new Map<string, bigint>();
  for (const { assetId, amount } of lines) sums.set(assetId, (sums.get(assetId) ?? 0n) + amount);
  const off = [...sums].find(([, sum]) => sum !== 0n);
  return off === undefined ? null : `The entry does not balance: its lines in ${off[0]} sum to ${off[1]}.`;
}

/** Zero and absent are the same. */
function compare(
  what: string,
  counted: ReadonlyMap<string, bigint | string>,
  kept: ReadonlyMap<string, bigint | string>,
  note: (what: string) => void,
): void {
  for (const key of new Set([...counted.keys(), ...kept.keys()])) {
    const [left, right] = [counted.get(key) ?? 0n, kept.get(key) ?? 0n];
    if (left !== right) {
      note(`${what} ${keyParts(key).join(' ')} is ${right}; its entries say ${left}.`);
    }
  }
}
