/**
 * `npm run bench -- throughput`: measures how many jobs per second the whole path sells durably, and what a job costs
 * on the disk.
 *
 * A practice network as users start it, with the bundled tiny model, and eight clients that ask for one token again
 * and again: gateway, libp2p, vouchers, ledger and SQLite are real. First with both data folders on the disk, then on
 * a file system in memory, which shows what waiting for the disk costs.
 *
 * Written bytes are the kernel's count of the provider's process (`write_bytes`), its log included. Space is the growth
 * of its database file, with the write-ahead log copied back.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { openDatabase } from '../../main/adapters/sqlite/index.ts';
import { homePaths } from '../../main/core/home/index.ts';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { createSettings } from '../../main/core/settings/index.ts';
import { forceUnwrap } from '../../shared/assert.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { quantile } from '../../shared/statistics.ts';
import { connectApi, type RunningAgent, startAgent, waitForState } from '../lib/agent-process.ts';
import { REPOSITORY } from '../lib/places.ts';
import { storeBenchmark } from '../lib/stored-benchmark.ts';
import { takesJobs, waitForMarket } from './practice-here.ts';
import { processorSeconds } from './process-cost.ts';
import { atLeast, atMost, type BenchResult, progress } from './result.ts';
import type { Gateway } from './streams.ts';

const CLIENTS = 8;
const WARM_UP_JOBS = 400;
const DISK_JOBS = 10_000;
const MEMORY_JOBS = 4_000;
const MEMORY_FOLDER = '/dev/shm';
const READY_MS_MAX = 120_000;
/** The agents write their last records within it. */
const QUIET_MS = 2_000;
/** More than a run spends. */
const BUDGET = '1000000000000';

export async function run(): Promise<BenchResult> {
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const disk = await measureIn(cache, DISK_JOBS);
  const memory = existsSync(MEMORY_FOLDER) ? await measureIn(MEMORY_FOLDER, MEMORY_JOBS) : null;
  const ratio = memory === null ? null : disk.jobsPerSecond / memory.jobsPerSecond;
  const { provider, requester } = disk;
  return {
    figures: {
      jobsPerSecond: disk.jobsPerSecond,
      latencyMsMedian: disk.latencyMsMedian,
      latencyMs95Percent: disk.latencyMs95Percent,
      ...(memory !== null && { jobsPerSecondInMemory: memory.jobsPerSecond }),
      ...(ratio !== null && { jobsPerSecondRatioDiskToMemory: ratio }),
      providerKilobytesPerJob: provider.bytesPerJob / 1e3,
      requesterKilobytesPerJob: requester.bytesPerJob / 1e3,
      ...(provider.writtenPerJob > 0 && { providerKilobytesWrittenPerJob: provider.writtenPerJob / 1e3 }),
      ...(requester.writtenPerJob > 0 && { requesterKilobytesWrittenPerJob: requester.writtenPerJob / 1e3 }),
      providerProcessorMsPerJob: provider.processorMsPerJob,
      requesterProcessorMsPerJob: requester.processorMsPerJob,
    },
    goals: {
      jobsPerSecond: atLeast(disk.jobsPerSecond, 100),
      ...(ratio !== null && { jobsPerSecondRatioDiskToMemory: atLeast(ratio, 0.8) }),
      providerKilobytesPerJob: atMost(provider.bytesPerJob / 1e3, 1.5),
      ...(provider.writtenPerJob > 0 && {
        providerKilobytesWrittenPerJob: atMost(provider.writtenPerJob / 1e3, 20),
      }),
    },
    notes: [
      `${CLIENTS} clients, ${DISK_JOBS} jobs of one token on disk, ${memory === null ? 'none' : MEMORY_JOBS} in memory; ${WARM_UP_JOBS} before the measurement`,
      'engine, chain and clients run on the same machine and count in jobsPerSecond',
    ],
  };
}

interface Side {
  /** Growth of the database file. */
  readonly bytesPerJob: number;
  /** Zero where the kernel counts none: on a file system in memory. */
  readonly writtenPerJob: number;
  readonly processorMsPerJob: number;
}

export interface Throughput {
  readonly jobsPerSecond: number;
  readonly latencyMsMedian: number;
  readonly latencyMs95Percent: number;
  readonly provider: Side;
  readonly requester: Side;
}

/** Sells jobs on a practice network in a folder of its own within `parent`. */
export async function measureIn(parent: string, jobs: number): Promise<Throughput> {
  const home = mkdtempSync(join(parent, 'bench-throughput-'));
  try {
    prepare(home);
    progress(`Starting the practice network in ${home}.`);
    const agent = await startAgent([
      '--headless',
      '--home',
      home,
      '--profile',
      'practice',
      '--quiet-requester',
    ]);
    try {
      return await measure(agent, home, jobs);
    } finally {
      await agent.stop();
    }
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function measure(agent: RunningAgent, home: string, jobs: number): Promise<Throughput> {
  const { page, requester } = agent.ready;
  if (page === null || requester === null) throw new Error('The practice network is incomplete.');
  const { gateway } = requester;
  const connection = await connectApi(page);
  await waitForState(connection.api, takesJobs, { timeoutMs: READY_MS_MAX });
  // A page that watches costs the provider time.
  connection.close();
  await waitForMarket(gateway);
  const sides = [
    { pid: agent.ready.pid, database: homePaths(home).database },
    { pid: requester.pid, database: homePaths(homePaths(home).requester).database },
  ] as const;
  await askFor(gateway, WARM_UP_JOBS);
  const before = await Promise.all(sides.map(readCosts));
  const { seconds, latenciesMs } = await askFor(gateway, jobs);
  await sleep(QUIET_MS);
  const after = await Promise.all(sides.map(readCosts));
  const side = (index: number): Side => {
    const [from, to] = [before[index], after[index]];
    if (from === undefined || to === undefined) throw new Error('A side was not measured.');
    return {
      bytesPerJob: (to.bytes - from.bytes) / jobs,
      writtenPerJob: (to.written - from.written) / jobs,
      processorMsPerJob: ((to.processorSeconds - from.processorSeconds) * 1e3) / jobs,
    };
  };
  const speed = jobs / seconds;
  progress(`${jobs} jobs in ${seconds.toFixed(1)} s: ${speed.toFixed(1)} per second.`);
  return {
    jobsPerSecond: speed,
    latencyMsMedian: forceUnwrap('there are jobs', quantile(latenciesMs, 0.5)),
    latencyMs95Percent: forceUnwrap('there are jobs', quantile(latenciesMs, 0.95)),
    provider: side(0),
    requester: side(1),
  };
}

/** Sends the jobs with all clients; each asks again as soon as it has its response. */
export async function askFor(
  gateway: Gateway,
  jobs: number,
): Promise<{ readonly seconds: number; readonly latenciesMs: number[] }> {
  const latenciesMs: number[] = [];
  let left = jobs;
  const client = async () => {
    while (left > 0) {
      left -= 1;
      const startMs = performance.now();
      const response = await fetch(`${gateway.baseUrl}/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({
          model: TINY_MODEL_ID,
          messages: [{ role: 'user', content: `Job ${left}` }],
          max_tokens: 1,
        }),
      });
      const text = await response.text();
      if (!response.ok)
        throw new Error(`The gateway returned status ${response.status}: ${text.slice(0, 300)}`);
      latenciesMs.push(performance.now() - startMs);
    }
  };
  const startMs = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { seconds: (performance.now() - startMs) / 1e3, latenciesMs };
}

interface Costs {
  readonly bytes: number;
  readonly written: number;
  readonly processorSeconds: number;
}

async function readCosts({
  pid,
  database,
}: {
  readonly pid: number;
  readonly database: string;
}): Promise<Costs> {
  return {
    bytes: databaseBytes(database),
    written: Number(/^write_bytes: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1] ?? 0),
    processorSeconds: await processorSeconds(pid),
  };
}

/** Size of the file once everything is copied back, which its page count tells before it happens. */
function databaseBytes(path: string): number {
  const database = new Database(path, { readonly: true });
  try {
    const number = (pragma: string) => Number(database.pragma(pragma, { simple: true }));
    return (number('page_count') - number('freelist_count')) * number('page_size');
  } finally {
    database.close();
  }
}

/** Stores the tiny model, and prices and budgets that suffice for a run, before the first start. */
export function prepare(home: string): void {
  const paths = homePaths(home);
  for (const [root, path] of [
    [paths.root, paths.database],
    [paths.requester, homePaths(paths.requester).database],
  ] as const) {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const database = openDatabase(path);
    database.records.set('serving', 'model', JSON.stringify(TINY_MODEL_ID));
    createSettings({ records: database.records, defaults: DEFAULT_SETTINGS }).change({
      buyDayMax: BUDGET,
      buyRequestMax: BUDGET,
      buyNewProviderMax: BUDGET,
    });
    storeBenchmark(database);
    database.close();
  }
}
