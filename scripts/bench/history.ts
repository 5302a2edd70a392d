/**
 * `npm run bench -- history [--jobs N]`: measures an agent with a long life: a million jobs, unless told otherwise.
 *
 * A data folder is filled through the stores' own writes. The ledger is verified (and that of a tenth of the jobs, which
 * shows whether the time is linear), the real agent starts on it as the desktop app starts it, pages read it with every
 * filter, and eight clients buy from it, alone and in turns with a page that keeps reading, an export and a verification.
 *
 * With `--home DIR`, the data folder stays there for the next run, which measures it again without filling it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { homePaths } from '../../main/core/home/index.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../lib/agent-process.ts';
import { buildAll } from '../lib/build-targets.ts';
import { AGENT_PROGRAM, REPOSITORY } from '../lib/places.ts';
import { fillHistory } from './history-fill.ts';
import { keepReading, timeReads } from './history-reads.ts';
import { takesJobs, waitForMarket } from './practice-here.ts';
import { processorTicks, TICKS_PER_SECOND } from './process-cost.ts';
import { processTree, proportionalMegabytes } from './process-memory.ts';
import { atLeast, atMost, type BenchOptions, type BenchResult, progress } from './result.ts';
import { askFor, prepare } from './throughput.ts';

const JOBS = 1_000_000;
/** Jobs of a data folder whose start a history doesn't slow down. */
const EMPTY_JOBS = 10;
const REPORT_EVERY = 100_000;
/** No chain listens there: the chain's part of a verification doesn't grow with the jobs. */
const NO_CHAIN = 'http://127.0.0.1:9';
const READY_MS_MAX = 120_000;
const WARM_UP_JOBS = 200;
const ROUND_JOBS = 400;
const ROUNDS = 4;
/** A person who clicks through the filters as fast as they can. */
const PAGE_PAUSE_MS = 100;
const MEMORY_POLL_MS = 200;
const READERS_START_MS = 4_000;

export async function run({ jobs = JOBS, home }: BenchOptions = {}): Promise<BenchResult> {
  // Not in the system's temporary folder, which may be in memory: the disk is part of the measurement.
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'bench-history-'));
  try {
    await buildAll();
    const root = home ?? join(folder, 'whole');
    const verified = home === undefined ? await verifyBoth(root, folder, jobs) : await verifyOne(root, jobs);
    const empty = join(folder, 'empty');
    await fill(empty, EMPTY_JOBS);
    const agent = await measureAgent(root);
    const figures = {
      databaseMegabytes: statSync(homePaths(root).database).size / 1e6,
      ...verified,
      readyMsEmpty: await readyAgain(empty),
      ...agent.figures,
    };
    return {
      figures,
      goals: {
        verifySeconds: atMost(figures.verifySeconds, 120),
        ...(figures.verifyTenfoldRatio !== undefined && {
          verifyTenfoldRatio: atMost(figures.verifyTenfoldRatio, 11),
        }),
        readyMs: atMost(figures.readyMs, 5_000),
        firstStateMs: atMost(figures.firstStateMs, 300),
        slowestListMs: atMost(figures.slowestListMs, 50),
        slowestOtherReadMs: atMost(figures.slowestOtherReadMs, 50),
        residentMegabytes: atMost(figures.residentMegabytes, 250),
        failedRequestsCount: atMost(figures.failedRequestsCount, 0),
        servingRatio: atLeast(figures.servingRatio, 0.95),
      },
      notes: [
        `${jobs} jobs over a year, the last tenth of them a second apart; a seventh bought, one in eleven failed`,
        `slowest list: ${agent.slowest.list}; slowest other read: ${agent.slowest.other}`,
        `servingRatio: ${ROUNDS} rounds of ${ROUND_JOBS} jobs, each alone and with a page that reads every filter each ${PAGE_PAUSE_MS} ms, an export and a verification; they share the processor with engine, chain and clients`,
        'verified without the chain, whose part does not grow with the jobs; verifyTenfoldRatio compares CPU time, which other programs change less',
        'readyMs and readyMsEmpty: the second start; residentMegabytes counts what processes share in full, proportionalMegabytes its part',
      ],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Verified {
  readonly fillSeconds?: number;
  readonly verifySeconds: number;
  readonly verifyProcessorSeconds: number;
  readonly verifyTenfoldRatio?: number;
  readonly verifyResidentMegabytes: number;
}

/** Fills data folders with a tenth of the jobs and with all, and verifies both. */
async function verifyBoth(root: string, folder: string, jobs: number): Promise<Verified> {
  const part = join(folder, 'tenth');
  await fill(part, Math.ceil(jobs / 10));
  const tenth = await verify(part);
  rmSync(part, { recursive: true });
  const fillSeconds = (await timed(() => fill(root, jobs))) / 1e3;
  const whole = await verify(root);
  const verifyTenfoldRatio = whole.verifyProcessorSeconds / tenth.verifyProcessorSeconds;
  return { fillSeconds, ...whole, verifyTenfoldRatio };
}

/** Verifies the data folder, filled before if it is new. */
async function verifyOne(root: string, jobs: number): Promise<Verified> {
  if (!existsSync(homePaths(root).database)) await fill(root, jobs);
  return verify(root);
}

async function fill(home: string, jobs: number): Promise<void> {
  mkdirSync(home, { recursive: true });
  prepare(home);
  progress(`Writing ${jobs} jobs.`);
  await fillHistory(home, jobs, (done) => {
    if (done % REPORT_EVERY === 0) progress(`${done} jobs`);
  });
}

async function verify(home: string): Promise<Verified> {
  progress('Verifying the ledger.');
  let megabytes = 0;
  /** CPU time of the command and of the process that it starts. */
  const ticks = new Map<number, number>();
  const verifyMs = await timed(async () => {
    const { child, done } = command('ledger', 'verify', '--home', home, '--rpc', NO_CHAIN);
    const poll = setInterval(async () => {
      megabytes = Math.max(megabytes, residentMegabytes(child.pid));
      for (const { pid } of processTree(child.pid ?? 0)) {
        ticks.set(pid, await processorTicks(pid).catch(() => ticks.get(pid) ?? 0));
      }
    }, MEMORY_POLL_MS);
    const code = await done.finally(() => clearInterval(poll));
    if (code !== 0) throw new Error('The verification found differences.');
  });
  const processorSeconds = [...ticks.values()].reduce((total, each) => total + each, 0) / TICKS_PER_SECOND;
  progress(`Verified in ${(verifyMs / 1e3).toFixed(1)} s, ${processorSeconds.toFixed(1)} s of CPU time.`);
  return {
    verifySeconds: verifyMs / 1e3,
    verifyProcessorSeconds: processorSeconds,
    verifyResidentMegabytes: megabytes,
  };
}

/** Starts the program that the desktop app starts. */
function startOn(home: string): Promise<RunningAgent> {
  return startAgent(['--headless', '--home', home, '--quiet-requester']);
}

/** Returns the time until READY in milliseconds; the first start, which creates wallet and chain, isn't measured. */
async function readyAgain(home: string): Promise<number> {
  await (await startOn(home)).stop();
  const startMs = performance.now();
  const agent = await startOn(home);
  const readyMs = performance.now() - startMs;
  await agent.stop();
  return readyMs;
}

async function measureAgent(home: string) {
  progress('Starting the agent.');
  await (await startOn(home)).stop();
  const startMs = performance.now();
  const agent = await startOn(home);
  const readyMs = performance.now() - startMs;
  let resident = 0;
  let proportional = 0;
  const poll = setInterval(() => {
    resident = Math.max(resident, residentMegabytes(agent.ready.pid));
    proportional = Math.max(proportional, proportionalMegabytes([agent.ready.pid]));
  }, MEMORY_POLL_MS);
  try {
    const { page } = agent.ready;
    if (page === null) throw new Error('The agent has no page.');
    const connectMs = performance.now();
    const { api, close } = await connectApi(page);
    await waitForState(api, () => true, { timeoutMs: READY_MS_MAX });
    const firstStateMs = performance.now() - connectMs;
    await waitForState(api, ({ work }) => work.engine === 'ready' && work.presence.decision === 'run', {
      timeoutMs: READY_MS_MAX,
    });
    progress('Reading with every filter.');
    const { list, other } = await timeReads(api);
    const again = await timeReads(api);
    progress(
      `Ready after ${readyMs.toFixed(0)} ms, first state ${firstStateMs.toFixed(0)} ms, slowest list ${list.ms.toFixed(0)}, ` +
        `then ${again.list.ms.toFixed(0)} ms, slowest other read ${other.ms.toFixed(0)}, then ${again.other.ms.toFixed(0)} ms, ` +
        `memory ${resident.toFixed(0)} MB.`,
    );
    const serving = await measureServing(agent, api, home);
    close();
    return {
      figures: {
        readyMs,
        firstStateMs,
        slowestListMs: list.ms,
        slowestOtherReadMs: other.ms,
        slowestListMsAgain: again.list.ms,
        slowestOtherReadMsAgain: again.other.ms,
        ...serving,
        residentMegabytes: resident,
        proportionalMegabytes: proportional,
      },
      slowest: { list: list.name, other: other.name },
    };
  } finally {
    clearInterval(poll);
    await agent.stop();
  }
}

async function measureServing(agent: RunningAgent, api: AgentApi, home: string) {
  const { requester } = agent.ready;
  if (requester === null) throw new Error('The practice network has no requester.');
  const { gateway } = requester;
  await waitForState(api, takesJobs, { timeoutMs: READY_MS_MAX });
  await waitForMarket(gateway);
  await askFor(gateway, WARM_UP_JOBS);
  let failed = 0;
  const speedOf = async (): Promise<number> => {
    try {
      return ROUND_JOBS / (await askFor(gateway, ROUND_JOBS)).seconds;
    } catch (error) {
      failed += 1;
      progress(String(error));
      return 0;
    }
  };
  const pairs: [alone: number, busy: number][] = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    const alone = await speedOf();
    const busy = await withReaders(api, home, speedOf);
    pairs.push([alone, busy]);
    progress(`Round ${round}: ${alone.toFixed(1)} jobs per second alone, ${busy.toFixed(1)} with readers.`);
  }
  const mean = (place: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[place], 0) / pairs.length;
  return {
    failedRequestsCount: failed,
    jobsPerSecondAlone: mean(0),
    jobsPerSecondWithReaders: mean(1),
    servingRatio: mean(1) / mean(0),
  };
}

/** Runs a task while a page reads, the ledger is exported and it is verified. */
async function withReaders<T>(api: AgentApi, home: string, task: () => Promise<T>): Promise<T> {
  const stop = new AbortController();
  const reading = keepReading(api, PAGE_PAUSE_MS, stop.signal);
  const commands = [
    command('ledger', 'export', '--home', home),
    command('ledger', 'verify', '--home', home, '--rpc', NO_CHAIN),
  ];
  try {
    // Their code is loaded, and they read.
    await sleep(READERS_START_MS);
    return await task();
  } finally {
    stop.abort();
    await reading;
    for (const { child } of commands) child.kill('SIGKILL');
    await Promise.all(commands.map(({ done }) => done));
  }
}

function command(...words: string[]): {
  readonly child: ChildProcess;
  readonly done: Promise<number | null>;
} {
  const child = spawn(process.execPath, [AGENT_PROGRAM, ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const done = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code));
  });
  return { child, done };
}

/** Returns 0 for a process that has ended, and without /proc. */
function residentMegabytes(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024) / 1e6;
  } catch {
    return 0;
  }
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await task();
  return performance.now() - startMs;
}
