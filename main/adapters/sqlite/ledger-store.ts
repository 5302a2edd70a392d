/** Stores the ledger's postings in SQLite: append-only, hash-chained, with running sums. */
import { amount } from '../../../shared/money.ts';
import type { Account, LedgerStore, Posting } from '../../ports/ledger.ts';
import type { WriteHandle } from './handles.ts';
import { GENESIS, linesText, postingHash } from './ledger-chain.ts';
import { CHECKPOINT_EVERY, checkLedger, setCheckpoint } from './ledger-check.ts';
import { createFlowReader, readFlowsByQuarter } from './ledger-flows.ts';
import {
  findLines,
  findPosting,
  insertPosting,
  listPostings,
  readPostings,
  takenKeys,
} from './ledger-rows.ts';
import {
  addTo,
  keyParts,
  readBalance,
  readBalances,
  readChannelSum,
  readChannelsWith,
  writeSums,
} from './ledger-sums.ts';
import { OpenSums } from './open-sums.ts';

/** With `follows`, entries may also be appended by another connection, of which each call sees what is committed. */
export function openLedgerStore(writer: WriteHandle, { follows = false } = {}): LedgerStore {
  const open = new OpenSums(writer);
  const flows = createFlowReader(writer, open);
  // In one transaction: between two reads, the other connection may store what the first one saw as open.
  const current = <T>(read: () => T): T => {
    if (!follows) return read();
    return writer.transaction(() => {
      open.catchUp(flows.appended);
      return read();
    });
  };
  return {
    transaction: (run) => writer.transaction(run),
    append(postings) {
      writer.transaction(() => append(writer, open, postings));
      for (const posting of postings) flows.appended(posting);
    },
    find: (key) => findPosting(writer, key),
    findLines: (key) => findLines(writer, key),
    taken: (keys) => takenKeys(writer, keys),
    list: ({ kind, limit }) => listPostings(writer, kind, limit),
    page: (afterSequence, limit) => readPostings(writer, afterSequence, limit),
    balance: (account, assetId) => current(() => readBalance(writer, open.sums, account, assetId)),
    balances: () =>
      current(() => {
        const balances = readBalances(writer);
        addTo(balances, open.sums.balances);
        return [...balances].sort().map(([key, sum]) => {
          const [account, assetId] = keyParts(key) as [Account, string];
          return { account, assetId, amount: amount(sum) };
        });
      }),
    flow: (account, assetId, span, peers) => current(() => flows.flow({ account, assetId, span, peers })),
    flowsBy: (by, account, assetId, span) => current(() => flows.flowsBy(by, { account, assetId, span })),
    flowsByQuarter: (account, assetId, span, peers) =>
      current(() => readFlowsByQuarter(writer, open, { account, assetId, span, peers })),
    sumForChannel: (account, channelId) =>
      current(() => readChannelSum(writer, open.sums, account, channelId)),
    channelsWith: (account, prefix, limit) =>
      current(() => readChannelsWith(writer, open.sums, account, { prefix, limit })),
    check: (scope) => writer.transaction(() => checkLedger(writer, scope)),
  };
}

function append(writer: WriteHandle, open: OpenSums, postings: readonly Posting[]): void {
  const last = writer.get<{ sequence: number; hash: string }>('SELECT sequence, hash FROM ledger_head');
  let sequence = last?.sequence ?? 0;
  let hash = last?.hash ?? GENESIS;
  // Read before the first posting is inserted, which would count twice.
  const { sums, storedTo } = open;
  for (const posting of postings) {
    sequence += 1;
    hash = postingHash(hash, sequence, posting, linesText(posting.lines));
    insertPosting(writer, { sequence, hash }, posting);
    open.add(sequence, posting);
  }
  writer.run(
    `INSERT INTO ledger_head (one, sequence, hash) VALUES (1, ?, ?)
     ON CONFLICT DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash`,
    sequence,
    hash,
  );
  if (sequence - storedTo < CHECKPOINT_EVERY) return;
  writeSums(writer, sums);
  setCheckpoint(writer, sequence, hash);
  open.stored(sequence);
}
