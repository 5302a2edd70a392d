/**
 * `npm run demo [-- --jobs N --json --home DIR]`: runs the practice loop once, from an empty data folder to the payout,
 * and proves that three independent records agree: the amount charged in the requester's ledger, the income in the
 * provider's ledger, and the amount that the payout address received on-chain.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Contract, JsonRpcProvider } from 'ethers';
import { askOnce, practicePrompts } from '../../main/core/practice/index.ts';
import type { AgentState } from '../../shared/api/state.ts';
import { formatUnits } from '../../shared/money.ts';
import { USAGE_EXIT_CODE } from '../../shared/options.ts';
import {
  type AgentApi,
  connectApi,
  type RunningAgent,
  startAgent,
  waitForState,
} from '../lib/agent-process.ts';
import { buildAll } from '../lib/build-targets.ts';
import { buildNativeAndReport } from '../lib/native-build.ts';
import { installSystemPackages } from '../lib/system-packages.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

/** The first start downloads the model, which is then cached. */
const MODEL_WAIT_MS = 20 * 60_000;
/** Failed jobs after which the demo gives up. */
const FAILURES_MAX = 5;
const JOBS_MAX = 200;

interface Summary {
  jobs: { served: number; failed: number };
  tokens: { input: number; output: number };
  charged: string;
  booked: string;
  received: string;
  claimTx: string | null;
  settleTx: string | null;
  model: { id: string; sha256: string };
  decodeTokensPerSecond: number | null;
  durationMs: number;
}

function progress(text: string): void {
  console.error(text);
}

async function demo(
  jobs: number,
  home: string,
): Promise<{ summary: Summary; agree: boolean; state: AgentState }> {
  const startedAtMs = Date.now();
  buildNativeAndReport(progress);
  await buildAll({ only: ['agent'] });
  progress(`Data folder: ${home}`);
  progress(
    'Starting the practice network: a local chain, this machine as provider, a second agent as requester.',
  );
  const agent = await startAgent(
    ['--headless', '--home', home, '--profile', 'practice', '--quiet-requester'],
    {
      onStderr: (line) => progress(`  agent: ${line}`),
    },
  );
  try {
    return await loop(agent, jobs, startedAtMs);
  } finally {
    await agent.stop();
  }
}

async function loop(agent: RunningAgent, jobs: number, startedAtMs: number) {
  if (agent.ready.page === null || agent.ready.requester === null || agent.ready.chain === null) {
    throw new Error('The agent has no page, no requester or no chain.');
  }
  const { chain } = agent.ready;
  const { gateway } = agent.ready.requester;
  const { api, close } = await connectApi(agent.ready.page);
  const ready = await waitForService(api);
  const model = ready.models.models.find((entry) => entry.active);
  if (model?.sha256 == null) throw new Error('No model is served.');
  progress(
    `Serving ${model.name} (${model.id}) on ${ready.work.backend} with ${ready.work.threads} threads.`,
  );

  for (const { name, mode, value, unit } of ready.machine.benchmark.measurements) {
    progress(`  measured ${name} (${mode}): ${value.toPrecision(3)} ${unit}`);
  }

  const payout = ready.wallet.address;
  if (payout === null) throw new Error('The wallet has no address.');
  const provider = new JsonRpcProvider(chain.rpcUrl, undefined, { staticNetwork: true });
  const token = new Contract(chain.token, ['function balanceOf(address) view returns (uint256)'], provider);
  const balanceOf = async (): Promise<bigint> => BigInt(await token.getFunction('balanceOf')(payout));
  const before = await balanceOf();

  await sendJobs(gateway, model.id, jobs);
  await api.earnings.settle({});
  const received = (await balanceOf()) - before;
  provider.destroy();

  const { jobs: sold } = await api.jobs.list({ side: 'sold', outcome: 'all', limit: 200 });
  const served = sold.filter(
    (job) => job.state === 'settled' || job.state === 'claimed' || job.state === 'charged',
  );
  const speeds = served.flatMap((job) => job.decodeTokensPerSecond ?? []).sort((a, b) => a - b);
  const state = await waitForState(api, () => true, { timeoutMs: 10_000 });
  const charged = await chargedByRequester(agent.ready);

  const summary: Summary = {
    jobs: { served: served.length, failed: sold.length - served.length },
    tokens: {
      input: sum(served.map((job) => job.inputTokens ?? 0)),
      output: sum(served.map((job) => job.outputTokens ?? 0)),
    },
    charged: charged.toString(),
    booked: state.money.earnedTotal,
    received: received.toString(),
    claimTx: await lastTransaction(api, 'channels-claimed'),
    settleTx: await lastTransaction(api, 'payout'),
    model: { id: model.id, sha256: model.sha256 },
    decodeTokensPerSecond: speeds.length === 0 ? null : round(speeds[Math.floor(speeds.length / 2)] ?? 0),
    durationMs: Date.now() - startedAtMs,
  };
  close();
  const agree = summary.charged === summary.booked && summary.booked === summary.received && received > 0n;
  return { summary, agree, state };
}

/** Waits until a model is served and prints what happens meanwhile. */
async function waitForService(api: AgentApi): Promise<AgentState> {
  let last = '';
  const printOnce = (text: string) => {
    if (text !== last) progress(text);
    last = text;
  };
  const serving = (state: AgentState) =>
    state.work.engine === 'ready' &&
    state.work.presence.decision === 'run' &&
    state.machine.benchmark.atMs !== null &&
    state.machine.benchmark.state !== 'running';
  return waitForState(api, serving, {
    timeoutMs: MODEL_WAIT_MS,
    onState(state) {
      const downloading = state.models.models.find((model) => model.progress !== null);
      if (downloading?.progress) {
        const { receivedBytes, totalBytes, source } = downloading.progress;
        const tenths = totalBytes === null ? null : Math.floor((receivedBytes / totalBytes) * 10) * 10;
        printOnce(`Downloading ${downloading.name} from ${source}${tenths === null ? '' : `: ${tenths}%`}`);
      } else if (state.work.engine === 'loading') printOnce('Loading the model.');
      else if (state.machine.benchmark.state === 'running') printOnce('Measuring what this machine can do.');
      for (const notice of state.app.notices) {
        if (notice.code === 'tiny-model-fallback') {
          printOnce('No source of a real model is reachable. The bundled tiny model is served instead.');
        }
      }
    },
  });
}

async function sendJobs(
  gateway: { baseUrl: string; key: string },
  model: string,
  jobs: number,
): Promise<void> {
  const prompts = practicePrompts(1);
  let failures = 0;
  for (let done = 0; done < jobs; ) {
    const started = performance.now();
    try {
      await askOnce({ gateway, fetch }, model, prompts.next().value);
      done += 1;
      progress(`Job ${done} of ${jobs}: done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    } catch (error) {
      failures += 1;
      progress(`A job failed: ${error instanceof Error ? error.message : String(error)}`);
      if (failures > FAILURES_MAX) throw new Error('Too many jobs failed.', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}

/** Returns the hash of the last transaction of a kind. Claims may also have happened earlier, on the agent's schedule. */
async function lastTransaction(api: AgentApi, kind: string): Promise<string | null> {
  const { entries } = await api.earnings.entries({ limit: 1, kind });
  return entries[0]?.reference ?? null;
}

/** Returns the expense in the requester's ledger, from its own API and independent of the provider's records. */
async function chargedByRequester(ready: RunningAgent['ready']): Promise<bigint> {
  if (ready.requester === null) throw new Error('There is no practice requester.');
  const { api, close } = await connectApi(ready.requester.page);
  const { entries } = await api.earnings.entries({ limit: 500, kind: 'job-bought' });
  close();
  return entries
    .flatMap((entry) => entry.lines)
    .filter((line) => line.account === 'expense:inference')
    .reduce((total, line) => total + BigInt(line.amount), 0n);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function print(summary: Summary, agree: boolean, state: AgentState): void {
  const { asset } = state.money;
  const money = (text: string) =>
    `${formatUnits(BigInt(text), asset.decimals)} ${asset.practice ? 'practice ' : ''}${asset.symbol} (${text} base units)`;
  progress('');
  progress(`Served ${summary.jobs.served} jobs, ${summary.jobs.failed} failed.`);
  progress(
    `Tokens: ${summary.tokens.input} in, ${summary.tokens.output} out, ${summary.decodeTokensPerSecond ?? 'unknown'} tokens/s (median).`,
  );
  progress(`Model: ${summary.model.id}, sha256 ${summary.model.sha256}`);
  if (state.app.notices.some((notice) => notice.code === 'tiny-model-fallback')) {
    progress('       the bundled tiny model, since no source of a real one was reachable.');
  }
  progress(`Charged in the requester's ledger: ${money(summary.charged)}`);
  progress(`Income in the provider's ledger:   ${money(summary.booked)}`);
  progress(`Received by the payout address:    ${money(summary.received)}`);
  progress(`Claim:  ${summary.claimTx ?? 'none'}`);
  progress(`Payout: ${summary.settleTx ?? 'none'}`);
  progress(agree ? 'The three agree. This was practice money.' : 'The three do NOT agree.');
}

const HELP = `Usage: npm run demo -- [--jobs N] [--json] [--home DIR]

Runs the practice loop once and proves that the amounts charged, recorded and received agree.

  --jobs N    number of jobs, from 1 to ${JOBS_MAX} (default: 10)
  --json      print the summary as one line of JSON on standard output
  --home DIR  keep everything in this data folder (default: a temporary one, deleted after success)

Exit codes: 0 the amounts agree, 1 they don't or the demo failed, ${USAGE_EXIT_CODE} wrong command line.`;

interface DemoOptions {
  readonly jobs: number;
  readonly json: boolean;
  /** Null for a temporary folder. */
  readonly home: string | null;
}

function readOptions(): DemoOptions {
  const { values } = parseArgs({
    options: {
      jobs: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
      home: { type: 'string' },
    },
  });
  const jobs = Number(values.jobs);
  if (!Number.isInteger(jobs) || jobs < 1 || jobs > JOBS_MAX)
    throw new UsageError(`Invalid --jobs "${values.jobs}". Use a number from 1 to ${JOBS_MAX}.`);
  if (values.home?.trim() === '') throw new UsageError('Empty value for --home. Use --home DIR.');
  return { jobs, json: values.json, home: values.home === undefined ? null : resolve(values.home) };
}

const options = readCommandLine(HELP, readOptions);
installSystemPackages(['model-download']);
const home = options.home ?? (await mkdtemp(join(tmpdir(), 'idlewatt-demo-')));
try {
  const { summary, agree, state } = await demo(options.jobs, home);
  print(summary, agree, state);
  if (options.json) console.log(JSON.stringify(summary));
  process.exitCode = agree && summary.jobs.served >= options.jobs ? 0 : 1;
} catch (error) {
  progress(`The demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
if (process.exitCode !== 0) {
  progress(`The data folder was kept: ${home}\nShow its log with: npm run agent -- logs --home ${home}`);
} else if (options.home === null) await rm(home, { recursive: true, force: true });
