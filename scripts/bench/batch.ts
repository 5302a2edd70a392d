/**
 * `npm run bench -- batch`: compares the same lines sent live and as a batch, in turns in one run, on a practice network:
 * with the real model that a first start chooses, and with the bundled tiny one, whose lines cost hardly more than their
 * payment and books. With `--kills N` it kills processes while one batch runs instead, and counts lines and charges on
 * both sides.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_MODEL_ID, TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { LIVE_MS } from '../../main/core/provider/batch-places.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { runBatchWithKills, storyLines } from '../../test/crash/batch-run.ts';
import { connectApi, startAgent, waitForState } from '../lib/agent-process.ts';
import { cacheFolder, REPOSITORY } from '../lib/places.ts';
import { prepareMeasuredHome } from '../lib/stored-benchmark.ts';
import { takesJobs, waitForMarket } from './practice-here.ts';
import { atLeast, type BenchOptions, type BenchResult, progress } from './result.ts';
import type { Gateway } from './streams.ts';

const LINES = 400;
/** The real model needs about five times as long for a line. */
const REAL_SHARE = 0.4;
const TOKENS = 32;
const ROUNDS = 2;
/** As many as the provider computes and lets wait, which is what a batch gets. */
const CLIENTS = 8;
const CHECK_MS = 50;
const READY_MS_MAX = 180_000;

export async function run({ lines = LINES, kills }: BenchOptions): Promise<BenchResult> {
  const cache = join(REPOSITORY, '.cache');
  mkdirSync(cache, { recursive: true });
  const home = mkdtempSync(join(cache, 'bench-batch-'));
  try {
    return kills === undefined ? await compare(home, lines) : await kill(home, lines, kills);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

async function kill(home: string, lines: number, kills: number): Promise<BenchResult> {
  const beganMs = performance.now();
  const summary = await runBatchWithKills({ home, lines, kills, maxTokens: 8, onKill: progress });
  const { answered, failed, distinct, chargedByLines, earned, spent, chargedJobs } = summary;
  const [paidTwice, wrong, strays] = [summary.paidTwice, summary.wrong, summary.strays].map(
    ({ length }) => length,
  );
  return {
    figures: {
      ...{ lines, kills, answered, failed, distinct, chargedJobs },
      linesPaidTwice: paidTwice ?? 0,
      linesWithAnotherCharge: wrong ?? 0,
      chargedJobsOfNoLine: strays ?? 0,
      chargedByLines: Number(chargedByLines),
      earnedByProvider: Number(earned),
      spentByRequester: Number(spent),
      minutes: (performance.now() - beganMs) / 60_000,
    },
    goals: {
      answered: { goal: lines, met: answered === lines },
      distinct: { goal: lines, met: distinct === lines },
      linesPaidTwice: { goal: 0, met: paidTwice === 0 },
      linesWithAnotherCharge: { goal: 0, met: wrong === 0 },
      chargedJobsOfNoLine: { goal: 0, met: strays === 0 },
      earnedByProvider: { goal: Number(chargedByLines), met: earned === chargedByLines },
      spentByRequester: { goal: Number(chargedByLines), met: spent === chargedByLines },
    },
    notes: [`errors by code: ${JSON.stringify(summary.errors)}`, 'charges are in base units'],
  };
}

async function compare(folder: string, lines: number): Promise<BenchResult> {
  process.env.IDLEWATT_MODEL_CACHE ??= join(cacheFolder(), 'models');
  const realLines = Math.max(CLIENTS, Math.round(lines * REAL_SHARE));
  const real = await withMarket(join(folder, 'real'), DEFAULT_MODEL_ID, (gateway) =>
    measure({ gateway, model: DEFAULT_MODEL_ID }, realLines),
  );
  const tiny = await withMarket(join(folder, 'tiny'), TINY_MODEL_ID, (gateway) =>
    measure({ gateway, model: TINY_MODEL_ID }, lines),
  );
  return {
    figures: {
      liveLinesPerSecond: real.live,
      batchLinesPerSecond: real.batch,
      ratioBatchToLive: real.ratio,
      tinyLiveLinesPerSecond: tiny.live,
      tinyBatchLinesPerSecond: tiny.batch,
      tinyRatioBatchToLive: tiny.ratio,
    },
    goals: { ratioBatchToLive: atLeast(real.ratio, 0.95) },
    notes: [
      `${realLines} lines of up to ${TOKENS} tokens of ${DEFAULT_MODEL_ID}, ${lines} of ${TINY_MODEL_ID}`,
      `${ROUNDS} rounds in turns; live with ${CLIENTS} clients`,
      `each batch begins ${LIVE_MS / 1_000} s after the last live request, because a place is kept free that long`,
      'the batch includes upload, check, and writing of its files',
    ],
  };
}

async function withMarket<T>(
  home: string,
  model: string,
  work: (gateway: Gateway) => Promise<T>,
): Promise<T> {
  prepareMeasuredHome(home, model);
  const agent = await startAgent(['--headless', '--home', home, '--quiet-requester']);
  try {
    const { page, requester } = agent.ready;
    if (page === null || requester === null) throw new Error('The practice network is incomplete.');
    const provider = await connectApi(page);
    try {
      await waitForState(provider.api, takesJobs, { timeoutMs: READY_MS_MAX });
      const offered = await waitForMarket(requester.gateway);
      if (offered !== model) throw new Error(`The provider offers ${offered} instead of ${model}.`);
      return await work(requester.gateway);
    } finally {
      provider.close();
    }
  } finally {
    await agent.stop();
  }
}

interface Market {
  readonly gateway: Gateway;
  readonly model: string;
}

/** Returns lines per second, live and as a batch. */
async function measure(
  market: Market,
  lines: number,
): Promise<{ live: number; batch: number; ratio: number }> {
  await sendLive(market, Math.min(lines, CLIENTS * 4));
  let liveMs = 0;
  let batchMs = 0;
  for (let round = 1; round <= ROUNDS; round += 1) {
    liveMs += await sendLive(market, lines);
    progress('Waiting until the provider keeps no place free for live requests.');
    await sleep(LIVE_MS);
    batchMs += await sendBatch(market, lines);
    progress(
      `${market.model}, round ${round}: live ${Math.round(liveMs)} ms, batch ${Math.round(batchMs)} ms so far`,
    );
  }
  const perSecond = (ms: number) => (lines * ROUNDS * 1_000) / ms;
  return { live: perSecond(liveMs), batch: perSecond(batchMs), ratio: liveMs / batchMs };
}

async function sendLive({ gateway, model }: Market, lines: number): Promise<number> {
  const bodies = storyLines(lines, TOKENS, model).map(({ body }) => body);
  const beganMs = performance.now();
  const client = async () => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const response = await post(gateway, '/chat/completions', body);
      await response.arrayBuffer();
      if (response.status !== 200) throw new Error(`A live request got status ${response.status}.`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return performance.now() - beganMs;
}

async function sendBatch({ gateway, model }: Market, lines: number): Promise<number> {
  const content = storyLines(lines, TOKENS, model).map((line) => JSON.stringify(line));
  const beganMs = performance.now();
  const form = new FormData();
  form.set('purpose', 'batch');
  form.set('file', new Blob([content.join('\n')]), 'lines.jsonl');
  const headers = { authorization: `Bearer ${gateway.key}` };
  const uploaded = await fetch(`${gateway.baseUrl}/files`, { method: 'POST', headers, body: form });
  const { id: file } = (await uploaded.json()) as { id: string };
  const request = { input_file_id: file, endpoint: CHAT_PATH, completion_window: '24h' };
  const { id } = (await (await post(gateway, '/batches', request)).json()) as { id: string };
  for (;;) {
    const response = await fetch(`${gateway.baseUrl}/batches/${id}`, { headers });
    const batch = (await response.json()) as { status: string; request_counts: { completed: number } };
    if (batch.status === 'completed' && batch.request_counts.completed === lines) break;
    if (batch.status === 'completed' || batch.status === 'failed') throw new Error(JSON.stringify(batch));
    await sleep(CHECK_MS);
  }
  return performance.now() - beganMs;
}

function post({ baseUrl, key }: Gateway, path: string, body: object): Promise<Response> {
  return fetch(`${baseUrl}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}
