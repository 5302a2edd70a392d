/**
 * Verifies: when slots are scarce, the owner's preference decides job by job between buyers, hotkeys and an AI Horde.
 * Setup: the real provider service, scheduler of an engine with one sequence, worker and client of a Horde on loopback, with
 *   jobs of all three sources at the same time; the test ends each job of the engine.
 * Fails if: the Horde is asked for a job while a source that comes first could use the slot, or is kept from one that it may
 *   have; a job of a later source gets the slot first; a running job is ended for another one; or the Horde is asked for a job
 *   that would wait for longer than its time.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createHordeServer } from '../../main/adapters/horde/index.ts';
import { Generations } from '../../main/core/engine/generations.ts';
import { createHordeWorker } from '../../main/core/horde/index.ts';
import { createFreeGate } from '../../main/core/machines/index.ts';
import type { GenerateRequest } from '../../main/ports/engine.ts';
import { PAYMENT_HEADER } from '../../main/ports/payments.ts';
import { hotkeyPeer, isHotkeyPeer } from '../../shared/bittensor.ts';
import type { JobSource } from '../../shared/job-sources.ts';
import { DEFAULT_SETTINGS } from '../../shared/settings.ts';
import { CHAT_PATH } from '../../shared/wire.ts';
import { manualClock } from '../fakes/clock.ts';
import { type FakeHorde, HORDE_KEY, hordeJob, POP, startFakeHorde } from '../fakes/horde-server.ts';
import { createRecordingLog } from '../fakes/log.ts';
import { createFakeProvider, OFFERED } from '../fakes/market.ts';
import { createFakeHub } from '../fakes/network.ts';
import { encode, FAKE_ASSET, FAKE_PAYOUT } from '../fakes/payment-gate.ts';
import { createMemoryRecordStore } from '../fakes/record-store.ts';
import { createScriptedEngine } from '../fakes/scripted-engine.ts';

const GUEST = hotkeyPeer('5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX');
const MODEL = { id: OFFERED.id, name: 'Fake-135M' };
const SPEEDS = { prefillTokensPerSecond: 200, decodeTokensPerSecond: 20 };
/** The worker looks again after it found the machine busy. */
const BUSY_MS = 5_000;

let horde: FakeHorde;
const closers: (() => unknown)[] = [];
beforeEach(async () => {
  horde = await startFakeHorde();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await horde.close();
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

/** The scheduler with one sequence; each request that begins is listed by its prompt. */
function oneSequence(clock: ReturnType<typeof manualClock>) {
  const running: { id: number; prompt: string }[] = [];
  const begun: string[] = [];
  const generations = new Generations({
    clock,
    send(command) {
      assert.notEqual(command.type, 'abort', 'no job is ended for another one');
      if (command.type !== 'generate') return;
      const prompt = promptOf(command.request);
      running.push({ id: command.id, prompt });
      begun.push(prompt);
      const start = { type: 'start', inputTokens: 4 } as const;
      queueMicrotask(() => generations.deliver(start, command.id));
    },
    onActive: () => undefined,
    beginMsMax: 60_000,
    onStuck: () => undefined,
  });
  generations.open(1);
  const engine = { ...createScriptedEngine(), generate: generations.run.bind(generations) };
  return {
    engine,
    begun,
    /** Ends the job in progress. */
    end() {
      const { id } = running.shift() ?? assert.fail('nothing runs');
      generations.deliver({ type: 'text', text: 'Hi', tokens: [1] }, id);
      const counts = { inputTokens: 4, outputTokens: 1, prefillMs: 1, decodeMs: 1 };
      generations.deliver({ type: 'end', reason: 'stop', ...counts }, id);
    },
  };
}

function promptOf({ prompt }: GenerateRequest): string {
  if (prompt.kind === 'text') return prompt.text;
  return prompt.kind === 'chat' ? String(prompt.messages[0]?.content) : '';
}

async function machine(order: readonly JobSource[] | null) {
  const clock = manualClock(1_700_000_000_000);
  const { engine, begun, end } = oneSequence(clock);
  const { service, jobs } = createFakeProvider(await createFakeHub().createNetwork(), {
    ...{ clock, engine, slots: 1 },
    guests: { isGuest: isHotkeyPeer, gate: createFreeGate(FAKE_ASSET, FAKE_PAYOUT) },
    ...(order && { preference: () => ({ jobPreference: 'own', jobSourceOrder: [...order] }) }),
  });
  const worker = createHordeWorker({
    choice: () => ({
      ...{ isOn: true, url: horde.url, key: HORDE_KEY, workerName: 'Idlewatt test', models: [MODEL] },
      nsfw: false,
    }),
    connect: ({ url, key }) => createHordeServer({ url, key, fetch, clock }),
    candidates: () => [{ id: MODEL.id, contextTokens: 4_096, speeds: SPEEDS }],
    ...{ other: service.other, jobs, clock, records: createMemoryRecordStore(), log: createRecordingLog() },
    presence: () => ({ decision: 'run', reason: 'always-on', sinceMs: 0, untilMs: null }),
    ledger: { kudosReceived: () => 'booked' as never, balance: () => 0n as never },
    ...{ transaction: (run) => run(), random: () => 0.5, newName: () => 'drawn', onChange: () => undefined },
  });
  closers.push(() => worker.stop());
  let channels = 0;
  /** Asks for an answer as a buyer, who pays, or as a hotkey; resolves when the request waits for the engine. */
  async function ask(content: string, peer = 'buyer', maxTokens = 10) {
    channels += 1;
    const before = service.active().length;
    const voucher = { channelId: `c${channels}`, payer: peer, most: '1000000' };
    const request = new Request(`http://provider${CHAT_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-peer-id': peer, [PAYMENT_HEADER]: encode(voucher) },
      body: JSON.stringify({ model: MODEL.id, messages: [{ role: 'user', content }], max_tokens: maxTokens }),
    });
    const answered = Promise.resolve(service.app.fetch(request)).then((response) => response.text());
    closers.push(() => answered);
    await until(() => service.active().length > before);
    await turn();
  }
  return {
    ...{ ask, begun, service, worker },
    /** Ends the job in progress, and waits until it is concluded and the next one has begun. */
    async next() {
      const before = begun.length;
      const active = service.active().length;
      end();
      await until(() => begun.length > before && service.active().length < active);
    },
    /** Ends the last job. */
    async last() {
      end();
      await until(() => service.active().length === 0);
    },
    async poll() {
      const before = horde.to(POP).length;
      clock.advance(BUSY_MS);
      await until(() => horde.to(POP).length > before);
    },
    /** Lets the worker look whether it may ask. */
    async look() {
      worker.chosen();
      clock.advance(0);
      for (let turns = 0; turns < 20; turns += 1) await turn();
    },
  };
}

const offered = (prompt: string) => hordeJob('job', MODEL.name, { prompt, stop_sequence: [] });

test('by default, the better pay decides: buyers, then hotkeys, and the Horde when nobody else wants the slot', async () => {
  assert.equal(DEFAULT_SETTINGS.jobPreference, 'pay');
  const it = await machine(null);
  await it.ask('bought 1');
  await it.ask('free', GUEST);
  await it.ask('bought 2');
  horde.queue.push(offered('kudos'));
  await it.look();
  assert.equal(it.worker.state().state, 'busy');
  assert.equal(horde.to(POP).length, 0);
  await it.next();
  await it.next();
  await it.last();
  await it.poll();
  await until(() => it.begun.length === 4);
  assert.deepEqual(it.begun, ['bought 1', 'bought 2', 'free', 'kudos']);
  await it.last();
});

test('in the owner’s order, a job of the Horde gets the next slot, and a running one isn’t ended for it', async () => {
  const it = await machine(['horde', 'bittensor', 'market']);
  await it.ask('bought 1');
  await it.ask('bought 2');
  await it.ask('free', GUEST);
  horde.queue.push(offered('kudos'));
  await it.look();
  await until(() => it.service.active().length === 4);
  assert.deepEqual(it.begun, ['bought 1']);
  await it.next();
  await it.next();
  await it.next();
  assert.deepEqual(it.begun, ['bought 1', 'kudos', 'free', 'bought 2']);
  await it.last();
});

test('between them, the Horde passes those that come after it and waits for those before', async () => {
  const it = await machine(['market', 'horde', 'bittensor']);
  await it.ask('free 1', GUEST);
  await it.ask('bought');
  horde.queue.push(offered('kudos'));
  await it.look();
  assert.equal(horde.to(POP).length, 0, 'a buyer waits');
  await it.next();
  await it.ask('free 2', GUEST);
  await it.next();
  assert.deepEqual(it.begun, ['free 1', 'bought', 'free 2']);
  await it.poll();
  await until(() => it.service.active().length === 2);
  await it.ask('free 3', GUEST);
  await it.next();
  await it.next();
  assert.deepEqual(it.begun.slice(3), ['kudos', 'free 3']);
  await it.last();
});

test('a job of the Horde that would wait for longer than its time isn’t asked for', async () => {
  const it = await machine(['horde', 'market', 'bittensor']);
  // 200 s at the measured speed; the server gives a job 150 s.
  await it.ask('long', 'buyer', 4_000);
  await it.look();
  assert.equal(it.worker.state().state, 'busy');
  assert.equal(horde.to(POP).length, 0);
  await it.last();
});
