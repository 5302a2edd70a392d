/**
 * Verifies: the process that verifies the stored ledger reports what it finds, and its own end.
 * Setup: database files with a few entries, unchanged and with a changed sum and a changed row.
 * Fails if: a difference isn't reported, or a verification that could not finish passes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { openDatabase, verifyStored } from '../../../main/adapters/sqlite/index.ts';
import { amount } from '../../../shared/money.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-verify-'));
after(() => rmSync(folder, { recursive: true }));

test('reports changed sums and changed rows, and fails without a database', async () => {
  const path = join(folder, 'idlewatt.db');
  const database = openDatabase(path);
  database.records.set('c', 'k', '1');
  database.ledger.append([
    {
      ...{ key: 'a', atMs: 1, kind: 'faucet', description: '', jobId: null, model: null },
      ...{ peer: null, txHash: null, reverses: null },
      lines: [
        { account: 'wallet', assetId: 'token', amount: amount(5), channelId: null },
        { account: 'equity:faucet', assetId: 'token', amount: amount(-5), channelId: null },
      ],
    },
  ]);
  database.close();
  assert.deepEqual(await verifyStored(path), { problems: [], changedRow: null });
  const bare = new Sqlite(path);
  bare.exec("INSERT INTO ledger_balance VALUES ('wallet', 'token', '6'); UPDATE record SET value = '2'");
  bare.close();
  const { problems, changedRow } = await verifyStored(path);
  assert.match(problems[0]?.what ?? '', /running balance of wallet token is 6/);
  assert.match(changedRow ?? '', /table record/);
  await assert.rejects(verifyStored(join(folder, 'missing.db')), { code: 'aborted' });
});
