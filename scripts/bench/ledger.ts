/**
 * `npm run bench -- ledger`: measures how many jobs per second are recorded durably, how long a month's report takes
 * over a million entries, and how long a data folder with a million entries takes to open.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { acquireFileLock, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { createCalendar } from '../../main/core/calendar/index.ts';
import { homePaths, openHome } from '../../main/core/home/index.ts';
import { newJobId } from '../../main/core/jobs/index.ts';
import { createLedger, type Ledger, type PostingRequest } from '../../main/core/ledger/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { amount } from '../../shared/money.ts';
import { REPOSITORY } from '../lib/places.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';

const ENTRIES = 1_000_000;
const BATCH = 1_000;
const SINGLES = 300;
const REPEATS = 5;
/** Time span of the entries, and the number of models, buyers and channels. */
const DAYS = 30;
const MODELS = 3;
const PEERS = 20;
const CHANNELS = 40;
const TOKEN = 'eip155:31337/0x1d1e0a7700000000000000000000000000000001';
const COIN = 'eip155:31337/native';
const DAY_MS = 86_400_000;

export async function run(): Promise<BenchResult> {
  // Not in the system's temporary folder, which may be in memory: the disk is part of the measurement.
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bench-ledger-'));
  try {
    return measure(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function open(folder: string) {
  const home = openHome({ root: folder, acquireLock: acquireFileLock, pid: process.pid });
  const database = openDatabase(home.paths.database);
  const calendar = createCalendar('Europe/Berlin');
  const ledger = createLedger({ store: database.ledger, clock: systemClock, calendar });
  ledger.verifyBalanced();
  return {
    ledger,
    close() {
      database.close();
      home.close();
    },
  };
}

function measure(folder: string): BenchResult {
  progress(`Recording ${ENTRIES} jobs in batches of ${BATCH} (about a minute).`);
  const first = open(folder);
  const endMs = Date.now();
  let bookingMs = 0;
  let bookingProcessorMs = 0;
  for (let start = 0; start < ENTRIES; start += BATCH) {
    const requests = Array.from({ length: BATCH }, (_, index) => sale(start + index, endMs));
    const before = process.cpuUsage();
    bookingMs += timed(() => first.ledger.postAll(requests));
    const { user, system } = process.cpuUsage(before);
    bookingProcessorMs += (user + system) / 1000;
  }
  const singles = Array.from({ length: SINGLES }, (_, index) => sale(ENTRIES + index, endMs));
  const singleMs = timed(() => {
    for (const request of singles) first.ledger.postAll([request]);
  });
  const report = reportMs(first.ledger);
  first.close();
  const bytes = statSync(homePaths(folder).database).size;

  progress('Opening the data folder again.');
  const openMs = median(() => open(folder));
  const last = open(folder);
  progress('Recomputing all balances.');
  let problems = 0;
  const checkMs = timed(() => {
    problems = last.ledger.problems().length;
  });
  last.close();
  if (problems > 0) throw new Error(`The benchmark's ledger has ${problems} problems.`);

  const figures = {
    jobsBookedPerSecond: (ENTRIES * 1000) / bookingMs,
    jobsBookedPerProcessorSecond: (ENTRIES * 1000) / bookingProcessorMs,
    jobsBookedOneByOnePerSecond: (SINGLES * 1000) / singleMs,
    monthByDayMs: report.byDay,
    monthByModelMs: report.byModel,
    monthByPeerMs: report.byPeer,
    openHomeMs: openMs,
    fullCheckMs: checkMs,
    databaseMegabytes: bytes / 1e6,
  };
  return {
    figures,
    goals: {
      jobsBookedPerSecond: atLeast(figures.jobsBookedPerSecond, 20_000),
      monthByDayMs: atMost(figures.monthByDayMs, 100),
      monthByModelMs: atMost(figures.monthByModelMs, 100),
      monthByPeerMs: atMost(figures.monthByPeerMs, 100),
      openHomeMs: atMost(figures.openHomeMs, 500),
    },
    notes: [
      `${ENTRIES} entries over ${DAYS} days, ${MODELS} models, ${PEERS} peers, ${CHANNELS} channels; each batch of ${BATCH} is flushed to disk before the next`,
      'jobsBookedPerProcessorSecond counts only CPU time, so other programs don’t lower it',
      `reports and opening: median of ${REPEATS}, with the file in the system's cache`,
      'after opening, a large file is read completely in the background (fullCheckMs is only the ledger, in this process)',
    ],
  };
}

function sale(index: number, endMs: number): PostingRequest {
  const atMs = endMs - Math.max(0, Math.floor((1 - index / ENTRIES) * (DAYS - 1) * DAY_MS));
  const id = newJobId(atMs);
  const value = BigInt((index % 900) + 1);
  const channelId = `0x${(index % CHANNELS).toString(16).padStart(64, '0')}`;
  return {
    key: `job:${id}:charged`,
    atMs,
    kind: 'job-charged',
    description: 'Served a model',
    jobId: id,
    model: `model-${index % MODELS}`,
    peer: `12D3KooWBenchmarkPeer${index % PEERS}`,
    lines: [
      { account: 'channels:owed', assetId: TOKEN, amount: amount(value), channelId },
      { account: 'income:jobs', assetId: TOKEN, amount: amount(-value), channelId },
    ],
  };
}

function reportMs(ledger: Ledger): { byDay: number; byModel: number; byPeer: number } {
  return {
    byDay: median(() => ledger.earningsByDay(TOKEN, COIN, DAYS)),
    byModel: median(() => ledger.earningsByModel(TOKEN, DAYS)),
    byPeer: median(() => ledger.earningsByPeer(TOKEN, DAYS)),
  };
}

/** Returns the median time; a returned resource is closed outside of the measured time. */
function median(task: () => unknown): number {
  const times: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    let result: unknown;
    times.push(
      timed(() => {
        result = task();
      }),
    );
    if (
      typeof result === 'object' &&
      result !== null &&
      'close' in result &&
      typeof result.close === 'function'
    ) {
      result.close();
    }
  }
  return times.sort((left, right) => left - right)[Math.floor(REPEATS / 2)] ?? Number.NaN;
}

function timed(task: () => unknown): number {
  const startMs = performance.now();
  task();
  return performance.now() - startMs;
}
