/**
 * `node scripts/bench/ledger.ts`: how many postings a second reach the disk of this machine, in batches
 * of 100 and one by one, and what one step in a job's life costs.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { createLedger, type PostingRequest } from '../../main/core/ledger/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { amount } from '../../shared/money.ts';

const BATCH = 100;
const BATCHES = 50;
const SINGLES = 300;

// Not in the system's folder for temporary files: that may be memory, which is not what is measured.
const cache = join(import.meta.dirname, '..', '..', '.cache');
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, 'bench-ledger-'));
const database = openDatabase(join(folder, 'idlewatt.db'));
try {
  const ledger = createLedger({
    store: database.ledger,
    clock: systemClock,
    calendar: createCalendar('UTC'),
  });
  let sequence = 0;
  const next = (): PostingRequest => {
    sequence += 1;
    return {
      key: `bench:${sequence}`,
      atMs: Date.now(),
      kind: 'job-charged',
      description: 'A benchmark',
      model: 'none',
      lines: [
        { account: 'channels:owed', assetId: 'bench', amount: amount(sequence), channelId: '0x01' },
        { account: 'income:jobs', assetId: 'bench', amount: amount(-sequence), channelId: '0x01' },
      ],
    };
  };
  const batched = perSecond(BATCH * BATCHES, () => {
    for (let batch = 0; batch < BATCHES; batch += 1) {
      ledger.postAll(Array.from({ length: BATCH }, next));
    }
  });
  const single = perSecond(SINGLES, () => {
    for (let posting = 0; posting < SINGLES; posting += 1) ledger.post(next());
  });
  const records = perSecond(SINGLES, () => {
    for (let record = 0; record < SINGLES; record += 1) database.records.set('bench', 'key', `${record}`);
  });
  ledger.verifyBalanced();
  console.log(`postings, durable, in batches of ${BATCH}: ${batched} per second`);
  console.log(`postings, durable, one by one:        ${single} per second`);
  console.log(`records, durable, one by one:         ${records} per second`);
} finally {
  database.close();
  rmSync(folder, { recursive: true });
}

function perSecond(count: number, run: () => void): number {
  const startMs = performance.now();
  run();
  return Math.round((count * 1000) / (performance.now() - startMs));
}
