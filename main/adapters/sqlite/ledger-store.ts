/** The ledger's postings in SQLite. Amounts are text and are added here, as bigint: SQLite would round them. */
import { type Amount, amount } from '../../../shared/money.ts';
import type {
  Account,
  AccountBalance,
  DatedLine,
  LedgerLine,
  LedgerStore,
  Posting,
  PostingKind,
} from '../../ports/ledger.ts';
import type { ReadHandle, WriteHandle } from './handles.ts';

interface PostingRow {
  sequence: number;
  key: string;
  at_ms: number;
  kind: PostingKind;
  description: string;
  job_id: string | null;
  model: string | null;
  tx_hash: string | null;
  reverses: string | null;
}

interface LineRow {
  account: Account;
  asset_id: string;
  amount: string;
  channel_id: string | null;
}

const POSTING_COLUMNS = 'sequence, key, at_ms, kind, description, job_id, model, tx_hash, reverses';

export function openLedgerStore(writer: WriteHandle): LedgerStore {
  return {
    transaction: (run) => writer.transaction(run),
    append: (posting) => writer.transaction(() => append(writer, posting)),
    find(key) {
      const row = writer.get<PostingRow>(`SELECT ${POSTING_COLUMNS} FROM ledger_posting WHERE key = ?`, key);
      return row === null ? null : toPosting(writer, row);
    },
    list({ kind, limit }) {
      const rows =
        kind === null
          ? writer.all<PostingRow>(
              `SELECT ${POSTING_COLUMNS} FROM ledger_posting ORDER BY sequence DESC LIMIT ?`,
              limit,
            )
          : writer.all<PostingRow>(
              `SELECT ${POSTING_COLUMNS} FROM ledger_posting WHERE kind = ? ORDER BY sequence DESC LIMIT ?`,
              kind,
              limit,
            );
      return rows.map((row) => toPosting(writer, row));
    },
    balances: () =>
      writer
        .all<LineRow>('SELECT account, asset_id, amount FROM ledger_balance ORDER BY account, asset_id')
        .map(toBalance),
    recount: () => recount(writer),
    lines: (account, assetId, fromMs, toMs) => datedLines(writer, account, assetId, fromMs, toMs),
    sum: (account, assetId, fromMs, toMs) =>
      total(
        writer.iterate(
          `SELECT amount FROM ledger_line
           WHERE account = ? AND asset_id = ? AND at_ms >= ? AND at_ms < ?`,
          account,
          assetId,
          fromMs,
          toMs,
        ),
      ),
    sumForChannel: (account, channelId) =>
      total(
        writer.iterate(
          'SELECT amount FROM ledger_line WHERE account = ? AND channel_id = ?',
          account,
          channelId,
        ),
      ),
  };
}

function total(rows: Iterable<{ amount: string }>): Amount {
  let sum = 0n;
  for (const row of rows) sum += BigInt(row.amount);
  return amount(sum);
}

function append(writer: WriteHandle, posting: Posting): void {
  writer.run(
    `INSERT INTO ledger_posting (key, at_ms, kind, description, job_id, model, tx_hash, reverses)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    posting.key,
    posting.atMs,
    posting.kind,
    posting.description,
    posting.jobId,
    posting.model,
    posting.txHash,
    posting.reverses,
  );
  posting.lines.forEach((line, position) => {
    writer.run(
      `INSERT INTO ledger_line (posting, position, account, asset_id, amount, channel_id, at_ms)
       VALUES ((SELECT max(sequence) FROM ledger_posting), ?, ?, ?, ?, ?, ?)`,
      position,
      line.account,
      line.assetId,
      line.amount.toString(),
      line.channelId,
      posting.atMs,
    );
    addToBalance(writer, line);
  });
}

function addToBalance(writer: WriteHandle, line: LedgerLine): void {
  const row = writer.get<{ amount: string }>(
    'SELECT amount FROM ledger_balance WHERE account = ? AND asset_id = ?',
    line.account,
    line.assetId,
  );
  writer.run(
    `INSERT INTO ledger_balance (account, asset_id, amount) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET amount = excluded.amount`,
    line.account,
    line.assetId,
    (BigInt(row?.amount ?? '0') + line.amount).toString(),
  );
}

function toPosting(reader: ReadHandle, row: PostingRow): Posting {
  const lines = reader.all<LineRow>(
    'SELECT account, asset_id, amount, channel_id FROM ledger_line WHERE posting = ? ORDER BY position',
    row.sequence,
  );
  return {
    key: row.key,
    atMs: row.at_ms,
    kind: row.kind,
    description: row.description,
    jobId: row.job_id,
    model: row.model,
    txHash: row.tx_hash,
    reverses: row.reverses,
    lines: lines.map(toLine),
  };
}

function toLine(row: LineRow): LedgerLine {
  return {
    account: row.account,
    assetId: row.asset_id,
    amount: amount(row.amount),
    channelId: row.channel_id,
  };
}

function toBalance(row: LineRow): AccountBalance {
  return { account: row.account, assetId: row.asset_id, amount: amount(row.amount) };
}

function recount(reader: ReadHandle): AccountBalance[] {
  const sql = 'SELECT account, asset_id, amount FROM ledger_line ORDER BY account, asset_id';
  const balances: AccountBalance[] = [];
  for (const row of reader.iterate<LineRow>(sql)) {
    const last = balances.at(-1);
    if (last?.account === row.account && last.assetId === row.asset_id) {
      balances[balances.length - 1] = { ...last, amount: amount(last.amount + BigInt(row.amount)) };
    } else {
      balances.push(toBalance(row));
    }
  }
  return balances;
}

function* datedLines(
  reader: ReadHandle,
  account: Account,
  assetId: string,
  fromMs: number,
  toMs: number,
): Iterable<DatedLine> {
  // Read whole: an open cursor would block every write on this connection until it is drained.
  const rows = reader.all<LineRow & { at_ms: number; kind: PostingKind; model: string | null }>(
    `SELECT line.account, line.asset_id, line.amount, line.channel_id, line.at_ms, posting.kind, posting.model
     FROM ledger_line AS line JOIN ledger_posting AS posting ON posting.sequence = line.posting
     WHERE line.account = ? AND line.asset_id = ? AND line.at_ms >= ? AND line.at_ms < ?
     ORDER BY line.at_ms, line.posting`,
    account,
    assetId,
    fromMs,
    toMs,
  );
  for (const row of rows) yield { ...toLine(row), atMs: row.at_ms, kind: row.kind, model: row.model };
}
