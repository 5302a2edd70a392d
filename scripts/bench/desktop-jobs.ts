/** Fills a data folder with jobs for benchmarks of the pages. */
import { acquireFileLock, openDatabase } from '../../main/adapters/sqlite/index.ts';
import { openHome } from '../../main/core/home/index.ts';
import { newJobId } from '../../main/core/jobs/index.ts';
import type { Job } from '../../shared/jobs.ts';

const BATCH = 1_000;
const DAYS = 90;
const DAY_MS = 86_400_000;
const MODELS = 3;
const PEERS = 20;

/** Records sold jobs over the last 90 days, each with its end. */
export function recordJobs(folder: string, count: number): void {
  const home = openHome({ root: folder, acquireLock: acquireFileLock, pid: process.pid });
  const database = openDatabase(home.paths.database);
  const nowMs = Date.now();
  for (let start = 0; start < count; start += BATCH) {
    database.jobs.transaction(() => {
      for (let index = start; index < Math.min(start + BATCH, count); index += 1) {
        const job = soldJob(index, nowMs - (1 - index / count) * DAYS * DAY_MS);
        database.jobs.insertEnded(job, [{ atMs: job.createdAtMs, state: job.state, note: null }], 'settled');
      }
    });
  }
  database.close();
  home.close();
}

function soldJob(index: number, createdAt: number): Job {
  const createdAtMs = Math.round(createdAt);
  return {
    id: newJobId(createdAtMs),
    side: 'sold',
    state: index % 50 === 0 ? 'aborted' : 'settled',
    model: `model-${index % MODELS}`,
    peer: `12D3KooWBenchmarkPeer${index % PEERS}`,
    payer: null,
    channelId: `0x${(index % PEERS).toString(16).padStart(64, '0')}`,
    createdAtMs,
    startedAtMs: createdAtMs + 20,
    firstTokenAtMs: createdAtMs + 300,
    endedAtMs: createdAtMs + 2_300,
    inputTokens: 120 + (index % 200),
    outputTokens: 40 + (index % 100),
    decodeTokensPerSecond: 30 + (index % 20),
    assetId: 'eip155:31337/0x1d1e0a7700000000000000000000000000000001',
    charged: String((index % 900) + 1),
    cumulative: String(index + 1),
    receipt: null,
    finishReason: 'stop',
    error: null,
    continues: null,
    continuedBy: null,
    apiKey: null,
  };
}
