/**
 * Running sums of the postings: balances, sums by channel, flows by quarter of an hour. They can be derived from the
 * lines and are written with each checkpoint. Amounts are stored as text and added here as bigint, because SQLite would
 * round them.
 */
import { type Amount, amount } from '../../../shared/money.ts';
import { type Account, isFlow, type Posting, QUARTER_MS } from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';

/** Maps keyed by a row's key columns joined into one text, which takes a fifth of the time of JSON. */
export interface Sums {
  /** [account, asset] */
  readonly balances: Map<string, bigint>;
  /** [account, channel] */
  readonly channels: Map<string, bigint>;
  /** [account, asset, 'model' or 'peer', from, its name]; an empty name means none. */
  readonly flows: Map<string, { amount: bigint; jobs: number }>;
}

/** Only the last key column may contain it. */
export const SEPARATOR = '\0';

/** Returns the key of an account with an asset or a channel. */
export function pairKey(account: string, assetOrChannel: string): string {
  return account + SEPARATOR + assetOrChannel;
}

export function flowKey(account: string, assetId: string, by: string, fromMs: number, name: string): string {
  return flowPrefix(account, assetId, by) + fromMs + SEPARATOR + name;
}

/** Returns what the keys of all flows of one account and asset by model, or by peer, begin with. */
export function flowPrefix(account: string, assetId: string, by: string): string {
  return account + SEPARATOR + assetId + SEPARATOR + by + SEPARATOR;
}

export function keyParts(key: string): string[] {
  return key.split(SEPARATOR);
}

export function createSums(): Sums {
  return { balances: new Map(), channels: new Map(), flows: new Map() };
}

export function addToSums(
  sums: Sums,
  posting: Pick<Posting, 'atMs' | 'kind' | 'model' | 'peer' | 'lines'>,
): void {
  const fromMs = posting.atMs - (posting.atMs % QUARTER_MS);
  const jobs = posting.kind === 'job-charged' || posting.kind === 'job-bought' ? 1 : 0;
  for (const { account, assetId, amount: value, channelId } of posting.lines) {
    add(sums.balances, pairKey(account, assetId), value);
    if (channelId !== null) add(sums.channels, pairKey(account, channelId), value);
    if (!isFlow(account)) continue;
    for (const by of ['model', 'peer'] as const) {
      const key = flowKey(account, assetId, by, fromMs, posting[by] ?? '');
      const known = sums.flows.get(key);
      if (known === undefined) sums.flows.set(key, { amount: value, jobs });
      else {
        known.amount += value;
        known.jobs += jobs;
      }
    }
  }
}

function add(sums: Map<string, bigint>, key: string, value: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + value);
}

/** Adds sums to others. */
export function addTo(sums: Map<string, bigint>, more: ReadonlyMap<string, bigint>): void {
  for (const [key, value] of more) add(sums, key, value);
}

/** Adds these sums to the stored ones. */
export function writeSums(writer: WriteHandle, sums: Sums): void {
  for (const [key, sum] of sums.balances) {
    const [account, assetId] = keyParts(key) as [string, string];
    writer.run(
      `INSERT INTO ledger_balance (account, asset_id, amount) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET amount = excluded.amount`,
      account,
      assetId,
      (storedBalance(writer, account, assetId) + sum).toString(),
    );
  }
  for (const [key, sum] of sums.channels) {
    const [account, channelId] = keyParts(key) as [string, string];
    writer.run(
      `INSERT INTO ledger_channel_sum (account, channel_id, amount) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET amount = excluded.amount`,
      account,
      channelId,
      (storedChannelSum(writer, account, channelId) + sum).toString(),
    );
  }
  for (const [key, flow] of sums.flows) writeFlow(writer, key, flow);
}

function writeFlow(
  writer: WriteHandle,
  key: string,
  flow: { readonly amount: bigint; readonly jobs: number },
): void {
  const [account = '', assetId = '', by = '', fromMs, ...name] = keyParts(key);
  const columns = [account, assetId, by, Number(fromMs), name.join(SEPARATOR)] as const;
  const row = writer.get<{ amount: string; jobs: number }>(
    `SELECT amount, jobs FROM ledger_flow
     WHERE account = ? AND asset_id = ? AND by = ? AND from_ms = ? AND name = ?`,
    ...columns,
  );
  writer.run(
    `INSERT INTO ledger_flow (account, asset_id, by, from_ms, name, amount, jobs)
     VALUES (?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET amount = excluded.amount, jobs = excluded.jobs`,
    ...columns,
    (BigInt(row?.amount ?? 0) + flow.amount).toString(),
    (row?.jobs ?? 0) + flow.jobs,
  );
}

interface AmountRow {
  readonly amount: string;
}

function storedBalance(reader: ReadHandle, account: string, assetId: string): bigint {
  const row = reader.get<AmountRow>(
    'SELECT amount FROM ledger_balance WHERE account = ? AND asset_id = ?',
    account,
    assetId,
  );
  return BigInt(row?.amount ?? 0);
}

function storedChannelSum(reader: ReadHandle, account: string, channelId: string): bigint {
  const row = reader.get<AmountRow>(
    'SELECT amount FROM ledger_channel_sum WHERE account = ? AND channel_id = ?',
    account,
    channelId,
  );
  return BigInt(row?.amount ?? 0);
}

/** Returns the stored balance plus that of the open sums. */
export function readBalance(reader: ReadHandle, open: Sums, account: Account, assetId: string): Amount {
  const added = open.balances.get(pairKey(account, assetId)) ?? 0n;
  return amount(storedBalance(reader, account, assetId) + added);
}

/** Returns the stored sum of a channel plus that of the open sums. */
export function readChannelSum(reader: ReadHandle, open: Sums, account: Account, channelId: string): Amount {
  const added = open.channels.get(pairKey(account, channelId)) ?? 0n;
  return amount(storedChannelSum(reader, account, channelId) + added);
}

/** Returns the channels with the largest sums; see {@link LedgerStore.channelsWith}. */
export function readChannelsWith(
  reader: ReadHandle,
  open: Sums,
  account: Account,
  { prefix, limit }: { readonly prefix: string; readonly limit: number },
): readonly { readonly channelId: string; readonly sum: Amount }[] {
  const start = pairKey(account, prefix);
  const changed = [...open.channels.keys()]
    .filter((key) => key.startsWith(start))
    .map((key) => key.slice(account.length + 1));
  // Those that changed since may leave the first ones, so as many more are read.
  const stored = reader.all<{ channel_id: string }>(
    `SELECT channel_id FROM ledger_channel_sum
     WHERE channel_id >= ? AND channel_id < ? AND account = ? AND amount <> '0'
     ORDER BY length(ltrim(amount, '-')) DESC, ltrim(amount, '-') DESC LIMIT ?`,
    prefix,
    `${prefix}\u{10ffff}`,
    account,
    limit + changed.length,
  );
  return [...new Set([...stored.map((row) => row.channel_id), ...changed])]
    .map((channelId) => ({ channelId, sum: readChannelSum(reader, open, account, channelId) }))
    .filter(({ sum }) => sum !== 0n)
    .sort((left, right) => compare(size(right.sum), size(left.sum)))
    .slice(0, limit);
}

function size(sum: bigint): bigint {
  return sum < 0n ? -sum : sum;
}

function compare(left: bigint, right: bigint): number {
  return left < right ? -1 : Number(left > right);
}

/** Reads the stored balances by account and asset. */
export function readBalances(reader: ReadHandle): Map<string, bigint> {
  const rows = reader.all<{ account: string; asset_id: string; amount: string }>(
    'SELECT account, asset_id, amount FROM ledger_balance',
  );
  return new Map(rows.map((row) => [pairKey(row.account, row.asset_id), BigInt(row.amount)]));
}

/** Reads the stored sums by account and channel. */
export function readChannelSums(reader: ReadHandle): Map<string, bigint> {
  const rows = reader.all<{ account: string; channel_id: string; amount: string }>(
    'SELECT account, channel_id, amount FROM ledger_channel_sum',
  );
  return new Map(rows.map((row) => [pairKey(row.account, row.channel_id), BigInt(row.amount)]));
}
