/** Stores the ledger's postings in SQLite: append-only, hash-chained, with running sums. */
import { amount, ZERO } from '../../../shared/money.ts';
import type { Account, LedgerStore, Posting } from '../../ports/ledger.ts';
import type { WriteHandle } from './handles.ts';
import { GENESIS, linesText, postingHash } from './ledger-chain.ts';
import { CHECKPOINT_EVERY, checkLedger, setCheckpoint } from './ledger-check.ts';
import { createFlowReader, readFlowsByQuarter } from './ledger-flows.ts';
import { findPosting, insertPosting, listPostings, readPostings, takenKeys } from './ledger-rows.ts';
import { addToSums, createSums, writeSums } from './ledger-sums.ts';

interface AmountRow {
  amount: string;
}

interface BalanceRow extends AmountRow {
  account: Account;
  asset_id: string;
}

/** With `follows`, entries may also be appended by another connection, of which each call sees what is committed. */
export function openLedgerStore(writer: WriteHandle, { follows = false } = {}): LedgerStore {
  const flows = createFlowReader(writer);
  const currentFlows = () => {
    if (follows) flows.catchUp();
    return flows;
  };
  return {
    transaction: (run) => writer.transaction(run),
    append(postings) {
      writer.transaction(() => append(writer, postings));
      for (const posting of postings) flows.appended(posting);
    },
    find: (key) => findPosting(writer, key),
    taken: (keys) => takenKeys(writer, keys),
    list: ({ kind, limit }) => listPostings(writer, kind, limit),
    page: (afterSequence, limit) => readPostings(writer, afterSequence, limit),
    balance: (account, assetId) => {
      const row = writer.get<AmountRow>(
        'SELECT amount FROM ledger_balance WHERE account = ? AND asset_id = ?',
        account,
        assetId,
      );
      return row === null ? ZERO : amount(row.amount);
    },
    balances: () =>
      writer
        .all<BalanceRow>('SELECT account, asset_id, amount FROM ledger_balance ORDER BY account, asset_id')
        .map((row) => ({ account: row.account, assetId: row.asset_id, amount: amount(row.amount) })),
    flow: (account, assetId, span) => currentFlows().flow({ account, assetId, span }),
    flowsBy: (by, account, assetId, span) => currentFlows().flowsBy(by, { account, assetId, span }),
    flowsByQuarter: (account, assetId, span) => readFlowsByQuarter(writer, { account, assetId, span }),
    sumForChannel: (account, channelId) => {
      const row = writer.get<AmountRow>(
        'SELECT amount FROM ledger_channel_sum WHERE account = ? AND channel_id = ?',
        account,
        channelId,
      );
      return row === null ? ZERO : amount(row.amount);
    },
    check: (scope) => writer.transaction(() => checkLedger(writer, scope)),
  };
}

function append(writer: WriteHandle, postings: readonly Posting[]): void {
  const last = writer.get<{ sequence: number; hash: string }>('SELECT sequence, hash FROM ledger_head');
  const before = last?.sequence ?? 0;
  let sequence = before;
  let hash = last?.hash ?? GENESIS;
  const sums = createSums();
  for (const posting of postings) {
    sequence += 1;
    hash = postingHash(hash, sequence, posting, linesText(posting.lines));
    insertPosting(writer, { sequence, hash }, posting);
    addToSums(sums, posting);
  }
  writeSums(writer, sums);
  writer.run(
    `INSERT INTO ledger_head (one, sequence, hash) VALUES (1, ?, ?)
     ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash`,
    sequence,
    hash,
  );
  const steps = (count: number) => Math.floor(count / CHECKPOINT_EVERY);
  if (steps(sequence) > steps(before)) setCheckpoint(writer, sequence, hash);
}
