/**
 * Verifies: balances, sums by channel and flows are exact while the newest postings aren't in the stored sums yet, for
 * the connection that appends, for one that opens later and for one that reads alongside.
 * Setup: a database on disk; drawn batches, some undone, with several checkpoints among them, against a naive count.
 * Fails if: a posting counts twice or not at all when sums are stored, read by another connection, or undone; or a single
 * posting writes the sums.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import {
  type OpenDatabase,
  openBesideAgent,
  openDatabase,
  openForReading,
} from '../../../main/adapters/sqlite/index.ts';
import { CHECKPOINT_EVERY } from '../../../main/adapters/sqlite/ledger-check.ts';
import { type Posting, QUARTER_MS } from '../../../main/ports/ledger.ts';
import { amount } from '../../../shared/money.ts';

const TOKEN = 'eip155:31337/0x01';
const ALL = { fromMs: 0, toMs: 8 * QUARTER_MS };

function income(index: number): Posting {
  const value = amount(10n ** 17n + BigInt(index));
  const channelId = `0x${index % 3}`;
  return {
    key: `entry ${index}`,
    atMs: (index * 7_919_000) % ALL.toMs,
    kind: 'job-charged',
    description: '',
    jobId: null,
    model: `model ${index % 2}`,
    peer: index % 5 === 0 ? null : `peer ${index % 5}`,
    txHash: null,
    reverses: null,
    lines: [
      { account: 'channels:owed', assetId: TOKEN, amount: value, channelId },
      { account: 'income:jobs', assetId: TOKEN, amount: amount(-value), channelId },
    ],
  };
}

type Ledger = OpenDatabase['ledger'];

/** Everything that is read from sums. */
function readSums(
  ledger: Pick<Ledger, 'balance' | 'balances' | 'sumForChannel' | 'flow' | 'flowsBy' | 'flowsByQuarter'>,
) {
  const byName = (by: 'model' | 'peer') =>
    ledger
      .flowsBy(by, 'income:jobs', TOKEN, ALL)
      .map(({ name, ...flow }) => [name, flow] as const)
      .sort();
  return {
    balance: ledger.balance('channels:owed', TOKEN),
    balances: ledger.balances(),
    channels: [0, 1, 2].map((channel) => ledger.sumForChannel('income:jobs', `0x${channel}`)),
    flow: ledger.flow('income:jobs', TOKEN, ALL),
    models: byName('model'),
    peers: byName('peer'),
    quarters: ledger.flowsByQuarter('income:jobs', TOKEN, ALL),
  };
}

function sumUp(postings: readonly Posting[]): ReturnType<typeof readSums> {
  const income = (of: (posting: Posting) => boolean) => {
    const found = postings.filter(of);
    const sum = found.reduce((total, { lines }) => total + (lines[1]?.amount ?? 0n), 0n);
    return { amount: amount(sum), jobs: found.length };
  };
  const quarterOf = ({ atMs }: Posting) => atMs - (atMs % QUARTER_MS);
  const distinct = <T>(of: (posting: Posting) => T) => [...new Set(postings.map(of))];
  const flow = income(() => true);
  const owed = amount(-flow.amount);
  const balances = [
    { account: 'channels:owed' as const, assetId: TOKEN, amount: owed },
    { account: 'income:jobs' as const, assetId: TOKEN, amount: flow.amount },
  ];
  return {
    balance: owed,
    balances: postings.length === 0 ? [] : balances,
    channels: [0, 1, 2].map(
      (channel) => income(({ lines }) => lines[0]?.channelId === `0x${channel}`).amount,
    ),
    flow,
    models: distinct(({ model }) => model)
      .map((model) => [model, income((posting) => posting.model === model)] as const)
      .sort(),
    peers: distinct(({ peer }) => peer)
      .map((peer) => [peer, income((posting) => posting.peer === peer)] as const)
      .sort(),
    quarters: distinct(quarterOf)
      .sort((left, right) => left - right)
      .map((fromMs) => ({ fromMs, ...income((posting) => quarterOf(posting) === fromMs) })),
  };
}

const step = fc.record({
  entries: fc.oneof(
    fc.integer({ min: 0, max: 5 }),
    fc.integer({ min: CHECKPOINT_EVERY - 3, max: CHECKPOINT_EVERY + 3 }),
    fc.integer({ min: 1, max: 2 * CHECKPOINT_EVERY }),
  ),
  isUndone: fc.boolean(),
});

test('every connection reads the same sums as a naive count, with any part of them stored', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 5 }), (steps) => {
      const folder = mkdtempSync(join(tmpdir(), 'idlewatt-sums-'));
      const path = join(folder, 'idlewatt.db');
      const database = openDatabase(path);
      const beside = openBesideAgent(path);
      try {
        let appended: readonly Posting[] = [];
        for (const { entries, isUndone } of steps) {
          const batch = Array.from({ length: entries }, (_, index) => income(appended.length + index));
          appendAndCheck(database, { before: appended, batch, isUndone });
          if (!isUndone) appended = [...appended, ...batch];
          const expected = sumUp(appended);
          assert.deepEqual(readSums(database.ledger), expected, 'the connection that appends');
          assert.deepEqual(readSums(beside.ledger), expected, 'one alongside');
          const later = openForReading(path);
          assert.deepEqual(readSums(later.ledger), expected, 'one that opens now');
          later.close();
        }
        assert.deepEqual(database.ledger.check('all'), []);
        assert.deepEqual(database.ledger.check('new'), []);
      } finally {
        beside.close();
        database.close();
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 12 },
  );
});

/** Appends a batch, half of it in a transaction of its own; the sums are right in the open transaction, too. */
function appendAndCheck(
  database: OpenDatabase,
  parts: {
    readonly before: readonly Posting[];
    readonly batch: readonly Posting[];
    readonly isUndone: boolean;
  },
): void {
  const { before, batch, isUndone } = parts;
  const half = Math.floor(batch.length / 2);
  const write = () =>
    database.transaction(() => {
      database.ledger.append(batch.slice(0, half));
      database.transaction(() => database.ledger.append(batch.slice(half)));
      assert.deepEqual(readSums(database.ledger), sumUp([...before, ...batch]), 'in the open transaction');
      if (isUndone) throw new Error('undone');
    });
  if (isUndone) assert.throws(write, /undone/);
  else write();
}

test('sums are stored with each checkpoint and not with a single posting', () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-sums-'));
  const path = join(folder, 'idlewatt.db');
  const database = openDatabase(path);
  const reader = new Sqlite(path, { readonly: true });
  const rows = (table: string) => reader.prepare(`SELECT count(*) FROM ${table}`).pluck().get();
  const stored = () => ['ledger_balance', 'ledger_channel_sum', 'ledger_flow', 'ledger_checkpoint'].map(rows);
  for (let index = 1; index < CHECKPOINT_EVERY; index += 1) database.ledger.append([income(index)]);
  assert.deepEqual(stored(), [0, 0, 0, 0]);
  database.ledger.append([income(0)]);
  assert.ok(stored().every((count) => Number(count) > 0));
  assert.equal(reader.prepare('SELECT sequence FROM ledger_checkpoint').pluck().get(), CHECKPOINT_EVERY);
  reader.close();
  database.close();
  rmSync(folder, { recursive: true });
});
