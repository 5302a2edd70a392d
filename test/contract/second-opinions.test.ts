/**
 * Verifies: a buyer that doesn't have the model file finds a provider that answers with a coarser model, by buying answers of
 * two honest ones, and buys no more from it; the honest ones, which compute with different threads, stay.
 * Setup: three providers with real engines on a network in memory, one of them with a file whose weights were rounded; a real
 * gateway with the agent's checks.
 * Fails if: an opinion isn't the same request, an honest provider is accused, or the coarser model stays unnoticed.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { GgmlType, readGgufFileInfo } from 'node-llama-cpp';
import { createLlamaSpawner } from '../../main/adapters/llama/index.ts';
import { openAnswerChecks } from '../../main/agent/checking.ts';
import { createReceivedChecks, type ProvenAnswer } from '../../main/core/answer-checks/index.ts';
import { createEngineSupervisor } from '../../main/core/engine/index.ts';
import { createExperience } from '../../main/core/reputation/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import type { Network } from '../../main/ports/network.ts';
import { readChat } from '../../shared/openai.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { createFakeGateway, createFakeProvider, OFFERED } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';

const TINY_PATH = fileURLToPath(new URL('../../resources/models/idlewatt-tiny.gguf', import.meta.url));
const HUB = createFakeHub();
const DAY_MS = 86_400_000;
const REQUESTS_MAX = 40;
/** Can't be compared, but adds to what opinions may cost. */
const NO_ANSWER: ProvenAnswer = {
  ...{ jobId: 'earlier', peer: 'earlier', soldJobId: 'earlier', sha256: OFFERED.sha256, tokens: [] },
  ...{ inputTokens: 1, opinionsFrom: 'nobody' },
  ...{ asked: readChat({ model: OFFERED.id, messages: [{ role: 'user', content: 'x' }] }), sampling: null },
  charged: 0n,
};
/** Each weight becomes one of about this many, as in a file of 2 bits per weight. */
const LEVELS = 4;

/** Writes a copy of the tiny model with rounded weights. */
async function writeCoarser(target: string): Promise<void> {
  const bytes = readFileSync(TINY_PATH);
  const { fullTensorInfo = [] } = await readGgufFileInfo(TINY_PATH, { sourceType: 'filesystem' });
  for (const { ggmlType, dimensions, fileOffset } of fullTensorInfo) {
    if (ggmlType !== GgmlType.F32 || dimensions.length < 2) continue;
    const count = dimensions.reduce<number>((product, size) => product * Number(size), 1);
    const places = Array.from({ length: count }, (_, index) => Number(fileOffset) + 4 * index);
    const most = places.reduce((largest, at) => Math.max(largest, Math.abs(bytes.readFloatLE(at))), 0);
    const step = (2 * most) / LEVELS;
    for (const at of places) bytes.writeFloatLE(Math.round(bytes.readFloatLE(at) / step) * step, at);
  }
  writeFileSync(target, bytes);
}

interface Sold {
  readonly path: string;
  readonly threads: number;
  /** Base units per million tokens. */
  readonly price: string;
}

/** Opens a provider with a real engine, and connects the buyer to it. */
async function openProvider(context: TestContext, buying: Network, { path, threads, price }: Sold) {
  const network = await HUB.createNetwork();
  await network.start();
  context.after(() => network.stop());
  const spawn = createLlamaSpawner({ sandbox: { modelFolders: [dirname(path)] } });
  const engine = createEngineSupervisor({ spawn, clock: systemClock });
  context.after(() => engine.stop());
  const life = { contextTokens: 512, sequences: 2, threads, graphicsMemoryBytesMax: null };
  await engine.load({ id: OFFERED.id, path, sha256: OFFERED.sha256 }, life);
  const received = createReceivedChecks({
    ...{ records: createMemoryRecordStore(), clock: systemClock, onReport: () => undefined },
    findJob: (id) => provider.jobs.all().find((job) => job.id === id) ?? null,
  });
  const models = [{ ...OFFERED, price: { inputPerMillion: price, outputPerMillion: price } }];
  const provider = createFakeProvider(network, { engine, models, takeReport: received.take });
  await buying.connect(network.addresses()[0] ?? '');
  const jobs = () => provider.jobs.all();
  return { peer: network.key.peer, jobs, accused: () => jobs().filter((job) => received.find(job) !== null) };
}

/** Opens a buyer that has no model, and notes for how long it leaves each provider out. */
async function openBuyer(context: TestContext, buying: Network) {
  const records = createMemoryRecordStore();
  const experience = createExperience({ records, clock: systemClock });
  const gateway = await createFakeGateway(buying, {
    experience,
    onProven(answer) {
      proven.push(answer);
      checks.consider(answer);
    },
  });
  context.after(() => gateway.stop());
  const proven: ProvenAnswer[] = [];
  const leftOutMs = new Map<string, number>();
  const checks = openAnswerChecks(
    { clock: systemClock, log: createRecordingLog(), onClose: (close) => context.after(close) },
    { records },
    {
      ...{ network: buying, buyOpinion: gateway.gateway.buyOpinion, random: () => 0 },
      ...{ serves: () => false, hold: () => null, opinionsFrom: () => 'known' },
      verdicts: { note: () => assert.fail('others hear nothing') },
      directory: {
        avoid(peer, forMs) {
          leftOutMs.set(peer, Math.max(forMs, leftOutMs.get(peer) ?? 0));
          // The test continues to buy from a doubted provider, because an hour is too long to wait.
          if (forMs >= DAY_MS) gateway.directory.avoid(peer, forMs);
        },
      },
      experience: { ...experience, isKnown: () => true },
    },
  );
  await gateway.directory.find(null);
  // As if it had bought for long: opinions may cost 2% of that.
  checks.consider({ ...NO_ANSWER, charged: 10n ** 12n });
  const buy = async (index: number) => {
    const answer = await fetch(`${gateway.baseUrl}/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ model: OFFERED.id, max_tokens: 48, seed: index },
        messages: [{ role: 'user', content: `Tell me about river ${index}.` }],
      }),
    });
    assert.equal(answer.status, 200);
    await answer.text();
    await gateway.gateway.idle();
    const last = proven.at(-1) ?? assert.fail('nothing was bought');
    while (checks.find({ id: last.jobId, peer: last.peer }) === null) await sleep(5);
  };
  return { buy, leftOutMs, findCheck: checks.find, bought: () => gateway.jobs.all() };
}

test('finds a coarser model without having the file, and buys from honest providers afterwards', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-opinions-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const coarserPath = join(folder, 'coarser.gguf');
  await writeCoarser(coarserPath);
  const buying = await HUB.createNetwork();
  await buying.start();
  context.after(() => buying.stop());
  const coarser = await openProvider(context, buying, { path: coarserPath, threads: 1, price: '1000000' });
  const honest = [
    await openProvider(context, buying, { path: TINY_PATH, threads: 1, price: '1100000' }),
    await openProvider(context, buying, { path: TINY_PATH, threads: 2, price: '1100000' }),
  ];
  const { buy, leftOutMs, findCheck, bought } = await openBuyer(context, buying);

  let requests = 0;
  for (; leftOutMs.get(coarser.peer) !== DAY_MS; requests += 1) {
    assert.ok(requests < REQUESTS_MAX, 'the coarser model is found');
    await buy(requests);
  }
  context.diagnostic(`found after ${requests} requests`);
  assert.deepEqual([...leftOutMs.keys()], [coarser.peer], 'no honest provider was doubted');
  while (coarser.accused().length === 0) await sleep(10);
  assert.equal(coarser.accused().length, 1, 'it is told which answer raised the alarm');
  const alarms = bought().filter((job) => findCheck(job)?.isAlarm);
  assert.deepEqual(
    alarms.map(({ peer }) => peer),
    [coarser.peer],
    'the buyer’s page shows it',
  );
  assert.ok(
    honest.every(({ jobs }) => jobs().length > 0),
    'both honest ones gave opinions',
  );
  const before = coarser.jobs().length;
  await buy(requests);
  assert.equal(coarser.jobs().length, before);
});
