/**
 * `npm run bench -- migrations [--jobs N]`: times each step from an older database to today's, on one with as many jobs.
 *
 * The oldest tables that have jobs and a ledger are filled by SQL with the jobs of `bench -- history`. Then the program of
 * each version opens the database, as after an update, with the copy that it makes before; and once more from version 5
 * to the newest at a stretch.
 */
import { generateKeyPairSync } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { MIGRATIONS, NEWEST_VERSION } from '../../main/adapters/sqlite/migrations.ts';
import type { PostingRequest } from '../../main/core/ledger/index.ts';
import { REPOSITORY } from '../lib/places.ts';
import { chargeOf, createLife, type LifeJob, payoutOf, signed } from './history-fill.ts';
import type { BenchOptions, BenchResult } from './result.ts';
import { progress } from './result.ts';

const JOBS = 100_000;
const BATCH = 1_000;
/** The last version in which a posting's lines are rows of their own and nothing is hashed. */
const FILLED_VERSION = 4;

export async function run({ jobs = JOBS }: BenchOptions = {}): Promise<BenchResult> {
  // Not in the system's temporary folder, which may be in memory: the disk is part of the measurement.
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bench-migrations-'));
  try {
    const path = join(folder, 'idlewatt.db');
    progress(`Writing ${jobs} jobs as version ${FILLED_VERSION} did.`);
    await fill(path, jobs);
    return measure(folder, path, jobs);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function measure(folder: string, path: string, jobs: number): BenchResult {
  const megabytes = (file: string) => statSync(file).size / 1e6;
  const figures: Record<string, number> = {};
  const atOnce = join(folder, 'at-once.db');
  for (let version = FILLED_VERSION + 1; version <= NEWEST_VERSION; version += 1) {
    progress(`Step ${version}.`);
    figures[`migration${version}ProcessorSeconds`] = open(path, version).processorSeconds;
    if (version > FILLED_VERSION + 1) continue;
    copyFileSync(path, atOnce);
    figures.megabytesBefore = megabytes(path);
  }
  progress(`Steps ${FILLED_VERSION + 2} to ${NEWEST_VERSION} at a stretch.`);
  const update = open(atOnce, NEWEST_VERSION);
  figures.updateSeconds = update.seconds;
  figures.updateProcessorSeconds = update.processorSeconds;
  figures.nextOpenProcessorSeconds = open(atOnce, NEWEST_VERSION).processorSeconds;
  figures.megabytesAfter = megabytes(atOnce);
  const database = openDatabase(atOnce);
  const problems = database.ledger.check('all');
  database.close();
  if (problems.length > 0) throw new Error(`The converted ledger has a problem: ${problems[0]?.what}`);
  return {
    figures,
    goals: {},
    notes: [
      `${jobs} jobs over a year, with receipts, timelines and ledger entries; each step includes the copy that is made before it`,
      `updateSeconds and megabytesBefore: from version ${FILLED_VERSION + 1} to ${NEWEST_VERSION}; the time includes making the file compact`,
    ],
  };
}

/** Opens and closes the database with the steps up to this version. CPU time is little changed by other programs. */
function open(
  path: string,
  version: number,
): { readonly seconds: number; readonly processorSeconds: number } {
  const [startMs, before] = [performance.now(), process.cpuUsage()];
  const database = openDatabase(path, { migrations: MIGRATIONS.slice(0, version) });
  const seconds = (performance.now() - startMs) / 1e3;
  const { user, system } = process.cpuUsage(before);
  database.close();
  return { seconds, processorSeconds: (user + system) / 1e6 };
}

async function fill(path: string, jobs: number): Promise<void> {
  openDatabase(path, { migrations: MIGRATIONS.slice(0, FILLED_VERSION) }).close();
  const database = new Database(path);
  database.pragma('synchronous = OFF');
  const signer = { peer: '12D3KooWBenchmark', key: generateKeyPairSync('ed25519').privateKey };
  const life = createLife(jobs, Date.now());
  const insert = oldInserts(database);
  insert.postings([life.opening()]);
  for (let from = 0; from < jobs; from += BATCH) {
    const drawn = Array.from({ length: Math.min(BATCH, jobs - from) }, (_, index) => life.job(from + index));
    const batch = await Promise.all(drawn.map((each) => signed(each, signer)));
    database.transaction(() => {
      batch.forEach(insert.job);
      insert.postings([...batch.flatMap(({ job }) => chargeOf(job)), ...payoutOf(batch, life.atMsOf(from))]);
    })();
  }
  insert.balances();
  database.close();
}

/** Writes rows as the tables of {@link FILLED_VERSION} have them. */
function oldInserts(database: Database.Database) {
  const job = database.prepare('INSERT INTO job (id, body, paid) VALUES (?, ?, ?)');
  const event = database.prepare('INSERT INTO job_event VALUES (?, ?, ?, ?, ?)');
  const posting =
    database.prepare(`INSERT INTO ledger_posting (key, at_ms, kind, description, job_id, model, tx_hash)
    VALUES (?, ?, ?, ?, ?, ?, ?)`);
  const line = database.prepare('INSERT INTO ledger_line VALUES (?, ?, ?, ?, ?, ?, ?)');
  const balance = database.prepare('INSERT INTO ledger_balance VALUES (?, ?, ?)');
  const sums = new Map<string, { account: string; assetId: string; amount: bigint }>();
  return {
    job({ job: { id, ...body }, events, isPaid }: LifeJob): void {
      job.run(id, JSON.stringify({ id, ...body }), isPaid ? 'settled' : 'no');
      for (const [place, { atMs, state, note }] of events.entries()) event.run(id, place, atMs, state, note);
    },
    postings(requests: readonly PostingRequest[]): void {
      for (const { key, atMs, kind, description, jobId, model, txHash, lines } of requests) {
        const columns = [key, atMs, kind, description, jobId ?? null, model ?? null, txHash ?? null];
        const { lastInsertRowid } = posting.run(...columns);
        for (const [place, { account, assetId, amount, channelId = null }] of lines.entries()) {
          line.run(lastInsertRowid, place, account, assetId, amount.toString(), channelId, atMs);
          const sum = sums.get(account + assetId)?.amount ?? 0n;
          sums.set(account + assetId, { account, assetId, amount: sum + amount });
        }
      }
    },
    /** The balances after all postings. */
    balances(): void {
      for (const { account, assetId, amount } of sums.values()) {
        balance.run(account, assetId, amount.toString());
      }
    },
  };
}
