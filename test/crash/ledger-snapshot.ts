/**
 * Reads an agent's ledger from disk without any code of the ledger module: an oracle that can't share a mistake with
 * the code under test.
 */
import Database from 'better-sqlite3';

/** One agent's ledger and records at one moment. Amounts are base units, signs as recorded (debits positive). */
export interface Books {
  /** Sum over all lines, by account and asset (`account asset`). */
  readonly sums: ReadonlyMap<string, bigint>;
  /** Sum over all lines, by account and channel (`account channel`). */
  readonly byChannel: ReadonlyMap<string, bigint>;
  /** Stored balances that differ from the sums, and postings that don't balance; empty when there are none. */
  readonly errors: readonly string[];
  /** Channel deposits, by channel. */
  readonly deposits: ReadonlyMap<string, bigint>;
  /** Channels of the selling side, by ID. */
  readonly sold: ReadonlyMap<string, { readonly charged: bigint; readonly signed: bigint }>;
  /** Cumulative charge of each channel of the buying side, from the payer's records. */
  readonly bought: ReadonlyMap<string, bigint>;
  /** Highest cumulative amount of a stored receipt, by channel. */
  readonly receipts: ReadonlyMap<string, bigint>;
  /** Jobs in a state that requires more work. */
  readonly unfinished: readonly string[];
  /** Number of jobs that were charged. */
  readonly charged: number;
  /** Charges of the bought jobs that cost something, by ID in hex without hyphens. */
  readonly costs: ReadonlyMap<string, bigint>;
  /** The newest transaction that this agent sent and recorded. */
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

interface JobRow {
  id: string;
  side: number;
  state: number;
  charged: string | null;
  cumulative: string | null;
  channel: string | null;
  /** Its receipt is stored. */
  is_signed: number;
}

/** Stored number of the side. */
const BOUGHT = 1;
/** By their stored numbers; every other state is an end. */
const UNFINISHED = ['admitted', 'running', 'delivered'];

/** Reads one data folder's database in one snapshot. */
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
  const jobs = readJobs(database);
  const sold = recordsOf(database, 'x402-sold-channel').map(([id, record]) => {
    const charged = BigInt(String(record.chargedCumulativeAmount));
    return [id, { charged, signed: BigInt(String(record.signedMaxClaimable)) }] as const;
  });
  const bought = recordsOf(database, 'x402-bought-channel').map(
    ([id, record]) => [id, BigInt(String(record.chargedCumulativeAmount ?? '0'))] as const,
  );
  const own = database
    .prepare<[], { tx_hash: string }>(
      `SELECT tx_hash FROM ledger_posting JOIN shared_text ON number = kind
       WHERE text = 'network-fee' ORDER BY sequence DESC LIMIT 1`,
    )
    .get();
  return {
    ...readLines(database),
    ...jobs,
    sold: new Map(sold),
    bought: new Map(bought),
    ownTransaction: own?.tx_hash ?? null,
  };
}

function readLines(database: Database.Database): Pick<Books, 'sums' | 'byChannel' | 'deposits' | 'errors'> {
  const sums = new Map<string, bigint>();
  const byChannel = new Map<string, bigint>();
  const deposits = new Map<string, bigint>();
  const perPosting = new Map<string, bigint>();
  // Stored balances end with the posting of the checkpoint.
  const balances = new Map<string, bigint>();
  const storedTo = database.prepare<[], number>('SELECT sequence FROM ledger_checkpoint').pluck().get() ?? 0;
  const rows = database
    .prepare<[], LineRow>(
      `SELECT sequence AS posting, kinds.text AS kind, accounts.text AS account, assets.text AS asset_id,
         line.value ->> 2 AS amount, channels.text AS channel_id
       FROM ledger_posting JOIN json_each(lines) AS line
         JOIN shared_text AS kinds ON kinds.number = kind
         JOIN shared_text AS accounts ON accounts.number = line.value ->> 0
         JOIN shared_text AS assets ON assets.number = line.value ->> 1
         LEFT JOIN shared_text AS channels ON channels.number = line.value ->> 3`,
    )
    .all();
  for (const row of rows) {
    const value = BigInt(row.amount);
    add(sums, `${row.account} ${row.asset_id}`, value);
    if (row.posting <= storedTo) add(balances, `${row.account} ${row.asset_id}`, value);
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
  const unbalanced = [...perPosting].flatMap(([posting, sum]) =>
    sum === 0n ? [] : [`posting ${posting} is off by ${sum}`],
  );
  return { sums, byChannel, deposits, errors: [...unbalanced, ...wrongBalances(database, balances)] };
}

function wrongBalances(database: Database.Database, sums: ReadonlyMap<string, bigint>): readonly string[] {
  return database
    .prepare<[], { account: string; asset_id: string; amount: string }>('SELECT * FROM ledger_balance')
    .all()
    .flatMap(({ account, asset_id: assetId, amount }) => {
      const sum = sums.get(`${account} ${assetId}`) ?? 0n;
      return BigInt(amount) === sum
        ? []
        : [`the balance of ${account} is ${amount}, the sum of its lines ${sum}`];
    });
}

function readJobs(database: Database.Database): Pick<Books, 'receipts' | 'unfinished' | 'charged' | 'costs'> {
  const costs = new Map<string, bigint>();
  const receipts = new Map<string, bigint>();
  const unfinished: string[] = [];
  let charged = 0;
  const rows = database
    .prepare<[], JobRow>(
      `SELECT lower(hex(id)) AS id, side, state, charged, cumulative, text AS channel, signature IS NOT NULL AS is_signed
       FROM job LEFT JOIN shared_text ON shared_text.number = channel`,
    )
    .all();
  for (const job of rows) {
    const state = UNFINISHED[job.state];
    if (state !== undefined)
      unfinished.push(`${job.side === 0 ? 'sold' : 'bought'} job ${job.id} is ${state}`);
    const cost = job.cumulative === null ? 0n : BigInt(job.charged ?? 0);
    if (job.side === BOUGHT && cost > 0n) costs.set(job.id, cost);
    if (job.charged !== null && job.cumulative !== null) charged += 1;
    if (job.is_signed === 0 || job.cumulative === null || job.channel === null) continue;
    const channel = job.channel.toLowerCase();
    const cumulative = BigInt(job.cumulative);
    if (cumulative > (receipts.get(channel) ?? 0n)) receipts.set(channel, cumulative);
  }
  return { receipts, unfinished, charged, costs };
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
