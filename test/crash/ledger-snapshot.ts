/**
 * Both agents' books as they lie on disk, read without any code of the ledger: an oracle that shares no
 * mistake with what it judges.
 */
import Database from 'better-sqlite3';

/** One agent's books at one moment. Amounts are base units, signs as booked (debits positive). */
export interface Books {
  /** Account and asset, as `account asset`, to its sum over all lines. */
  readonly sums: ReadonlyMap<string, bigint>;
  /** Account and channel, as `account channel`, to its sum. */
  readonly byChannel: ReadonlyMap<string, bigint>;
  /** Running balances that differ from the sums, and postings that do not balance; none when all is well. */
  readonly errors: readonly string[];
  /** Money put into each channel. */
  readonly deposits: ReadonlyMap<string, bigint>;
  /** Channels that are sold on, by id. */
  readonly sold: ReadonlyMap<string, { readonly charged: bigint; readonly signed: bigint }>;
  /** Cumulative charge of each channel that is bought on, as the payer's store has it. */
  readonly bought: ReadonlyMap<string, bigint>;
  /** The highest cumulative amount of a receipt that was kept, by channel. */
  readonly receipts: ReadonlyMap<string, bigint>;
  /** Jobs in a state that somebody must still work on. */
  readonly unfinished: readonly string[];
  /** Jobs that were charged. */
  readonly charged: number;
  /** A transaction that this agent sent and booked, newest first. */
  readonly ownTransaction: string | null;
}

interface LineRow {
  posting: number;
  account: string;
  asset_id: string;
  amount: string;
  channel_id: string | null;
  kind: string;
}

const UNFINISHED = ['admitted', 'running', 'delivered'];

/** Reads one home's database in one snapshot. */
export function readBooks(path: string): Books {
  const database = new Database(path, { readonly: true, timeout: 5_000 });
  try {
    database.exec('BEGIN');
    return collect(database);
  } finally {
    database.close();
  }
}

function collect(database: Database.Database): Books {
  const sums = new Map<string, bigint>();
  const byChannel = new Map<string, bigint>();
  const deposits = new Map<string, bigint>();
  const perPosting = new Map<string, bigint>();
  const rows = database
    .prepare<[], LineRow>(
      `SELECT sequence AS posting, kind, line.value ->> 0 AS account, line.value ->> 1 AS asset_id,
         line.value ->> 2 AS amount, line.value ->> 3 AS channel_id
       FROM ledger_posting, json_each(lines) AS line`,
    )
    .all();
  for (const row of rows) {
    const value = BigInt(row.amount);
    add(sums, `${row.account} ${row.asset_id}`, value);
    add(perPosting, `${row.posting} ${row.asset_id}`, value);
    if (row.channel_id === null) continue;
    const channel = row.channel_id.toLowerCase();
    add(byChannel, `${row.account} ${channel}`, value);
    if (
      row.account === 'channels:deposited' &&
      row.kind !== 'job-bought' &&
      row.kind !== 'charge-recovered'
    ) {
      add(deposits, channel, value);
    }
  }
  const errors = [...perPosting].flatMap(([posting, sum]) =>
    sum === 0n ? [] : [`posting ${posting} is off by ${sum}`],
  );
  const kept = database
    .prepare<[], { account: string; asset_id: string; amount: string }>('SELECT * FROM ledger_balance')
    .all();
  for (const { account, asset_id: assetId, amount } of kept) {
    const sum = sums.get(`${account} ${assetId}`) ?? 0n;
    if (BigInt(amount) !== sum) errors.push(`the balance of ${account} says ${amount}, its lines ${sum}`);
  }

  const sold = new Map<string, { charged: bigint; signed: bigint }>();
  for (const [id, record] of recordsOf(database, 'x402-sold-channel')) {
    sold.set(id, {
      charged: BigInt(String(record.chargedCumulativeAmount)),
      signed: BigInt(String(record.signedMaxClaimable)),
    });
  }
  const bought = new Map<string, bigint>();
  for (const [id, record] of recordsOf(database, 'x402-bought-channel')) {
    bought.set(id, BigInt(String(record.chargedCumulativeAmount ?? '0')));
  }

  const receipts = new Map<string, bigint>();
  const unfinished: string[] = [];
  let charged = 0;
  for (const { body } of database.prepare<[], { body: string }>('SELECT body FROM job').all()) {
    const job = JSON.parse(body);
    if (UNFINISHED.includes(job.state)) unfinished.push(`${job.side} job ${job.id} is ${job.state}`);
    if (job.charged !== null && job.cumulative !== null) charged += 1;
    if (job.receipt === null || job.cumulative === null || job.channelId === null) continue;
    const channel = String(job.channelId).toLowerCase();
    const cumulative = BigInt(job.cumulative);
    if (cumulative > (receipts.get(channel) ?? 0n)) receipts.set(channel, cumulative);
  }
  const own = database
    .prepare<[], { tx_hash: string }>(
      `SELECT tx_hash FROM ledger_posting WHERE kind = 'network-fee' ORDER BY sequence DESC LIMIT 1`,
    )
    .get();
  return {
    sums,
    byChannel,
    errors,
    deposits,
    sold,
    bought,
    receipts,
    unfinished,
    charged,
    ownTransaction: own?.tx_hash ?? null,
  };
}

function recordsOf(database: Database.Database, collection: string): [string, Record<string, unknown>][] {
  return database
    .prepare<[string], { key: string; value: string }>('SELECT key, value FROM record WHERE collection = ?')
    .all(collection)
    .map(({ key, value }) => [key.toLowerCase(), JSON.parse(value)]);
}

function add(sums: Map<string, bigint>, key: string, value: bigint): void {
  sums.set(key, (sums.get(key) ?? 0n) + value);
}
