/**
 * Verifies: the worker takes only jobs that this machine can and may do now, gives each one an end at the server, and records
 * kudos once and never as money.
 * Setup: the real worker, client, provider service, jobs and ledger; a Horde on loopback that follows the recorded shapes; an
 *   engine that the test scripts; a clock that it moves.
 * Fails if: a job is taken while the owner or a buyer needs the machine, one is left without an end, kudos are recorded twice
 *   or without an answer, drops come near the server's limit, a refusal is followed by a storm of requests, or the owner
 *   waits for the network.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createHordeServer } from '../../../main/adapters/horde/index.ts';
import { type OpenDatabase, openDatabase } from '../../../main/adapters/sqlite/index.ts';
import { audit } from '../../../main/core/audit/index.ts';
import { createCalendar } from '../../../main/core/calendar/index.ts';
import { createHordeWorker, type HordeCandidate, type HordeChoice } from '../../../main/core/horde/index.ts';
import { createJobs } from '../../../main/core/jobs/index.ts';
import { createLedger } from '../../../main/core/ledger/index.ts';
import { hordePeer, kudosAsset } from '../../../shared/horde.ts';
import type { Presence } from '../../../shared/presence.ts';
import {
  type FakeHorde,
  HORDE_KEY,
  hordeJob,
  POP,
  reply,
  SUBMIT,
  startFakeHorde,
  takeSilently,
  WORKER,
} from '../../fakes/horde-server.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { ask, setUp, turn } from '../provider/provider-setup.ts';

const MODEL = { id: 'fake', name: 'Fake-135M' };
const FAST: HordeCandidate = {
  id: MODEL.id,
  contextTokens: 4_096,
  speeds: { prefillTokensPerSecond: 200, decodeTokensPerSecond: 20 },
};
const SECRET = 'the private words of a volunteer';
const MINUTE_MS = 60_000;

let horde: FakeHorde;
let folder: string;
beforeEach(async () => {
  horde = await startFakeHorde();
  folder = mkdtempSync(join(tmpdir(), 'idlewatt-horde-'));
});
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await horde.close();
  rmSync(folder, { recursive: true });
});

let inFlight = 0;
/** Knows when no request is on its way. */
const watchedFetch: typeof fetch = async (...request) => {
  inFlight += 1;
  try {
    const response = await fetch(...request);
    const { status, headers } = response;
    return new Response(await response.text(), { status, headers });
  } finally {
    inFlight -= 1;
  }
};

/** Waits until every request is answered, and what follows from it is done. */
async function quiet(): Promise<void> {
  do {
    await until(() => inFlight === 0);
    await turn();
    await turn();
  } while (inFlight > 0);
}

/** Number of differences that `ledger verify` would name, and of comparisons that it would miss. */
async function flaws({ ledger, database }: Awaited<ReturnType<typeof start>>): Promise<number> {
  const folded = database.jobs.folded();
  const { differences, notes } = await audit({
    ...{ ledger, folded, problems: async () => ledger.problems(), findJob: database.jobs.find },
    jobs: () => [database.jobs.page('', 10)],
    ...{ soldChannels: [], ownPeers: [], chains: new Map(), addresses: [] },
    verifySigned: () => assert.fail('there is no receipt'),
  });
  return differences.length + notes.filter((note) => !note.includes('daily sums')).length;
}

/** Waits for what other parts of this process do. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

const books = (database: OpenDatabase, clock: Awaited<ReturnType<typeof setUp>>['clock']) => {
  const ledger = createLedger({ store: database.ledger, clock, calendar: createCalendar('UTC') });
  const jobs = createJobs({ records: database.jobs, store: database.records, ledger, clock });
  closers.push(() => jobs.stop());
  return { ledger, jobs };
};

async function start(more: { choice?: Partial<HordeChoice>; candidates?: readonly HordeCandidate[] } = {}) {
  const database = openDatabase(join(folder, 'idlewatt.db'));
  let isOpen = true;
  const close = () => {
    if (isOpen) database.close();
    isOpen = false;
  };
  closers.push(close);
  const jobsLater: { current: ReturnType<typeof createJobs> | null } = { current: null };
  const presence: { now: Presence } = { now: { decision: 'run', reason: 'idle', sinceMs: 0, untilMs: null } };
  const provider = await setUp({
    presence: () => presence.now,
    jobs: {
      insert: (...step) => jobsLater.current?.insert(...step),
      update: (...step) => jobsLater.current?.update(...step) ?? assert.fail(),
      leave: (id) => jobsLater.current?.leave(id),
      durable: async () => jobsLater.current?.durable(),
    },
  });
  const { clock, engine, service } = provider;
  const { ledger, jobs } = books(database, clock);
  jobsLater.current = jobs;
  const log = createRecordingLog();
  const choice: { now: HordeChoice } = {
    now: {
      ...{
        isOn: true,
        url: horde.url,
        key: HORDE_KEY,
        workerName: 'Idlewatt test',
        models: [MODEL],
        nsfw: false,
      },
      ...more.choice,
    },
  };
  const worker = createHordeWorker({
    choice: () => choice.now,
    connect: ({ url, key }) => createHordeServer({ url, key, fetch: watchedFetch, clock }),
    candidates: () => more.candidates ?? [FAST],
    other: service.other,
    presence: () => presence.now,
    ...{ jobs, ledger, clock, log, records: database.records, transaction: database.transaction },
    random: () => 0.5,
    newName: () => 'Idlewatt drawn',
    onChange: () => undefined,
  });
  closers.push(() => (isOpen ? worker.stop() : undefined));
  const asset = kudosAsset(hordePeer(horde.url)).id;
  return {
    ...{
      provider,
      clock,
      engine,
      service,
      ledger,
      jobs,
      log,
      choice,
      worker,
      presence,
      database,
      close,
      asset,
    },
    kudos: () => ledger.balance('standing', asset),
    last: () => jobs.list({ side: 'sold', outcome: 'all', limit: 1 }).jobs[0] ?? assert.fail('no job'),
    setPresence(decision: Presence['decision'], reason: Presence['reason']) {
      presence.now = { decision, reason, sinceMs: clock.now(), untilMs: null };
      worker.wake();
    },
    /** Lets the next step happen after this time, and waits for its request. */
    async poll(afterMs: number, path = POP) {
      const before = horde.to(path).length;
      clock.advance(afterMs);
      await until(() => horde.to(path).length > before);
    },
    /** Waits until the worker is in this state. */
    is: (state: string) => until(() => worker.state().state === state),
  };
}

async function started(more: Parameters<typeof start>[0] = {}) {
  const it = await start(more);
  it.worker.chosen();
  it.clock.advance(0);
  return it;
}

test('answers a job with its raw prompt, and records kudos that are no money', async () => {
  horde.queue.push(hordeJob('job-1', MODEL.name, { prompt: SECRET }));
  const it = await started();
  const run = await it.engine.next();
  assert.deepEqual(run.request.prompt, { kind: 'text', text: SECRET });
  const { maxTokens, temperature, topP, stop, sampling, requester, rank } = run.request;
  assert.deepEqual(
    { maxTokens, temperature, topP, stop, sampling, requester, rank },
    {
      ...{ maxTokens: 32, temperature: 0.7, topP: 0.9, stop: ['\n\n'], requester: null, rank: 2 },
      sampling: { topK: 40, minP: 0.05, repeatPenalty: 1.1 },
    },
  );
  assert.equal(it.worker.state().state, 'working');
  assert.equal(it.service.active()[0]?.requester, hordePeer(horde.url));
  run.start(5);
  run.text('there was ', 1, 2);
  run.text('a king.', 3);
  run.end('stop');
  await until(() => it.kudos() > 0n);
  assert.equal(it.kudos(), 1_234n, 'the third decimal is cut off');
  assert.equal(it.ledger.earned(it.asset, 'total'), 1_234n);
  const none = { earned: 0n, jobs: 0 };
  assert.deepEqual(it.ledger.earningsByNetwork('token', 1), {
    ...{ market: none, storefront: none, kudos: 1_234n },
  });
  assert.deepEqual(horde.to(SUBMIT)[0]?.body, {
    ...{ id: 'job-1', generation: 'there was a king.', state: 'ok', gen_metadata: [] },
    seed: run.request.seed,
  });
  const { state, charged, cumulative, channelId, assetId, inputTokens, outputTokens, peer } = it.last();
  assert.deepEqual(
    { state, charged, cumulative, channelId, assetId, inputTokens, outputTokens, peer },
    {
      ...{ state: 'charged', charged: null, cumulative: null, channelId: null, assetId: it.asset },
      ...{ inputTokens: 5, outputTokens: 3, peer: hordePeer(horde.url) },
    },
  );
  assert.deepEqual(it.service.active(), []);
  assert.deepEqual(it.database.records.list('horde-jobs'), []);
  const stored = JSON.stringify([
    it.log.lines,
    it.jobs.show(it.last().id),
    it.database.records.list('horde'),
  ]);
  for (const text of [SECRET, 'a king', HORDE_KEY]) assert.ok(!stored.includes(text), text);
  // Neither a chain nor a receipt is missing, and the job folds like others.
  const [job] = it.jobs.list({ side: 'sold', outcome: 'served', limit: 2 }).jobs;
  assert.equal(await flaws(it), 0);
  assert.equal(it.database.jobs.fold(Number.MAX_SAFE_INTEGER, 10), 1);
  assert.equal(it.database.jobs.find(job?.id ?? ''), null);
  assert.equal(await flaws(it), 0);
});

describe('asks for nothing', () => {
  const cases: [state: string, more: Parameters<typeof start>[0]][] = [
    ['off', { choice: { isOn: false } }],
    ['no-address', { choice: { url: null } }],
    ['no-key', { choice: { key: null } }],
    ['no-model', { choice: { models: [] } }],
    ['no-model', { candidates: [] }],
    ['unmeasured', { candidates: [{ ...FAST, speeds: { ...FAST.speeds, decodeTokensPerSecond: null } }] }],
    ['too-slow', { candidates: [{ ...FAST, speeds: { ...FAST.speeds, decodeTokensPerSecond: 0.2 } }] }],
  ];
  for (const [state, more] of cases) {
    test(`${state}: ${JSON.stringify(more)}`, async () => {
      const it = await started(more);
      await it.is(state);
      // Before the deadline of a request, which would take it back.
      await quiet();
      it.clock.advance(MINUTE_MS);
      await quiet();
      assert.deepEqual(horde.requests, []);
    });
  }

  test('while a buyer has the only slot', async () => {
    const it = await start();
    const bought = it.provider.post(ask());
    const run = await it.engine.next();
    it.worker.chosen();
    it.clock.advance(0);
    await it.is('busy');
    assert.deepEqual(horde.requests, []);
    run.start(1);
    run.text('Hi', 1);
    run.end('stop');
    await (await bought).text();
    await it.poll(5_000);
  });
});

test('asks for what the machine can do in half the time, and tells why it gets nothing', async () => {
  horde.skipped = { models: 3, max_length: 5, 'something new': 1 };
  const it = await started();
  await it.is('waiting');
  // 75 s, of which 45 s at 20 tokens/s and 30 s at 200 tokens/s.
  const { max_length, max_context_length } = horde.to(POP)[0]?.body ?? {};
  assert.deepEqual({ max_length, max_context_length }, { max_length: 900, max_context_length: 4_096 });
  assert.deepEqual(it.worker.state().skipped, [
    { reason: 'max_length', jobs: 5 },
    { reason: 'models', jobs: 3 },
    { reason: 'other', jobs: 1 },
  ]);
});

test('polls ever less often while there is nothing, even if it is woken', async () => {
  const it = await started();
  await it.is('waiting');
  const times: number[] = [];
  while (it.clock.monotonic() < 10 * MINUTE_MS) {
    it.clock.advance(1_000);
    it.worker.wake();
    it.clock.advance(0);
    await turn();
    if (horde.to(POP).length > times.length + 1) times.push(it.clock.monotonic());
    // A request is on its way.
    await until(() => it.worker.state().state === 'waiting');
  }
  assert.ok(times.length >= 18 && times.length <= 24, `${times.length} polls`);
});

describe('presence', () => {
  test('a pause is shown at the server with its reason once it lasts, and ended with it', async () => {
    const it = await started();
    await it.is('waiting');
    it.setPresence('pause', 'on-battery');
    it.clock.advance(0);
    await it.is('paused');
    it.clock.advance(19_000);
    await quiet();
    assert.equal(horde.maintenance, null);
    await it.poll(30_000, WORKER);
    await quiet();
    assert.equal(horde.maintenance, 'Paused by its machine: on battery.');
    const polls = horde.to(POP).length;
    it.clock.advance(60 * MINUTE_MS);
    await quiet();
    assert.equal(horde.to(POP).length, polls, 'no poll while paused');
    it.setPresence('run', 'idle');
    await it.poll(0, WORKER);
    await until(() => horde.to(POP).length > polls);
    assert.equal(horde.maintenance, null);
  });

  test('maintenance that somebody else set is shown, and stays', async () => {
    horde.maintenance = 'Please contact us.';
    const it = await started();
    await it.is('maintenance');
    assert.equal(it.worker.state().message, 'Please contact us.');
    await it.poll(10 * MINUTE_MS);
    assert.deepEqual(horde.to(WORKER), []);
  });

  test('the owner’s return ends the job immediately, and submits it as faulted', async () => {
    horde.queue.push(hordeJob('job-1', MODEL.name));
    const it = await started();
    const run = await it.engine.next();
    run.start(5);
    run.text('there', 1);
    // The network must not delay the hand-back.
    horde.override(SUBMIT, takeSilently());
    it.setPresence('pause', 'owner-active');
    await it.service.handBack();
    assert.deepEqual(it.service.active(), []);
    assert.ok(run.signal.aborted);
    assert.equal(it.last().state, 'aborted');
    await horde.answered(SUBMIT, 1);
    assert.equal(horde.to(SUBMIT)[0]?.body.state, 'faulted');
    // The server didn't answer: again.
    it.clock.advance(20_000);
    await turn();
    await until(() => {
      it.clock.advance(1_000);
      return horde.jobs.get('job-1') === 'faulted';
    });
    assert.equal(it.worker.state().dropped, 1);
    assert.equal(it.kudos(), 0n);
  });
});

describe('jobs that can’t be done', () => {
  const absurd: [name: string, job: object][] = [
    ['of a model that wasn’t asked for', hordeJob('x', 'Other-70B')],
    ['longer than asked for', hordeJob('x', MODEL.name, { max_length: 901 })],
    ['in less time than they take', hordeJob('x', MODEL.name, { max_length: 300 }, { ttl: 20 })],
    ['that can’t be read', hordeJob('x', MODEL.name, { prompt: 7 })],
  ];
  for (const [name, job] of absurd) {
    test(`jobs ${name} are submitted as faulted, without the engine`, async () => {
      horde.queue.push(job);
      const it = await started();
      await until(() => horde.jobs.get('x') === 'faulted');
      assert.deepEqual(it.service.active(), []);
      assert.equal(it.worker.state().dropped, 1);
      assert.deepEqual(it.jobs.list({ side: 'sold', outcome: 'all', limit: 1 }).jobs, []);
    });
  }

  test('after eight drops in an hour, none is taken until the first is an hour ago', async () => {
    for (let index = 0; index < 30; index += 1) horde.queue.push(hordeJob(`x-${index}`, 'Other-70B'));
    const it = await started();
    await until(() => {
      it.clock.advance(500);
      return it.worker.state().state === 'dropped';
    });
    assert.equal(horde.to(POP).length, 8);
    it.clock.advance(59 * MINUTE_MS);
    await quiet();
    assert.equal(horde.to(POP).length, 8);
    await it.poll(2 * MINUTE_MS);
  });

  test('a prompt that is too long is cut at its beginning', async () => {
    const prompt = 'x'.repeat(20_000) + SECRET;
    horde.queue.push(hordeJob('job-1', MODEL.name, { prompt }));
    const it = await started();
    const first = await it.engine.next();
    first.start(10_000);
    const second = await it.engine.next();
    assert.ok(first.signal.aborted);
    const { prompt: sent } = second.request;
    assert.ok(sent.kind === 'text' && sent.text.length < 8_600 && sent.text.endsWith(SECRET));
    second.start(3_900);
    second.text('there', 1);
    second.end('length');
    await until(() => it.kudos() > 0n);
  });

  test('a stop text beyond those that the engine takes ends the answer', async () => {
    horde.queue.push(hordeJob('job-1', MODEL.name, { stop_sequence: ['1', '2', '3', '4', 'User:'] }));
    const it = await started();
    const run = await it.engine.next();
    assert.deepEqual(run.request.stop, ['1', '2', '3', '4']);
    run.start(5);
    run.text('there was\nUs', 1);
    run.text('er: and', 2);
    await until(() => it.kudos() > 0n);
    assert.ok(run.signal.aborted);
    assert.equal(horde.to(SUBMIT)[0]?.body.generation, 'there was\n');
  });

  test('an engine that fails, and one that is too slow, give the job back', async () => {
    horde.queue.push(hordeJob('a', MODEL.name), hordeJob('b', MODEL.name));
    const it = await started();
    (await it.engine.next()).fail('engine-failed');
    await until(() => horde.jobs.get('a') === 'faulted');
    assert.equal(it.last().error, 'engine-failed');
    await quiet();
    await it.poll(500);
    const slow = await it.engine.next();
    slow.start(5);
    it.clock.advance(135_000);
    await until(() => horde.jobs.get('b') === 'faulted');
    assert.ok(slow.signal.aborted);
  });
});

describe('a crash', () => {
  /** Answers a job; the confirmation of the server never arrives. */
  async function crashed(isTaken: boolean): Promise<void> {
    horde.queue.push(hordeJob('job-1', MODEL.name));
    const it = await started();
    const run = await it.engine.next();
    // The server has the answer, or not; this machine learns neither.
    horde.override(SUBMIT, (_, { body }) => {
      if (isTaken) (horde.jobs as Map<string, string>).set(String(body.id), 'ok');
    });
    run.start(5);
    run.text('there', 1);
    run.end('stop');
    await horde.answered(SUBMIT, 1);
    it.close();
  }

  for (const isTaken of [false, true]) {
    test(`between the answer and ${isTaken ? 'the kudos' : 'the server'} records nothing twice`, async () => {
      await crashed(isTaken);
      const it = await start();
      it.jobs.recover();
      assert.equal(it.last().state, 'failed');
      it.worker.chosen();
      await it.poll(0);
      assert.equal(horde.jobs.get('job-1'), isTaken ? 'ok' : 'faulted');
      assert.deepEqual(it.database.records.list('horde-jobs'), []);
      assert.equal(it.kudos(), 0n);
      const isWarned = it.log.lines.some(({ level }) => level === 'warn');
      assert.equal(isWarned, isTaken, 'unknown kudos are in the log');
      it.ledger.verifyBalanced();
    });
  }

  test('during a pause that is shown there doesn’t leave the worker paused', async () => {
    const before = await started();
    await before.is('waiting');
    before.setPresence('pause', 'owner-active');
    while (horde.maintenance === null) {
      before.clock.advance(5_000);
      await quiet();
    }
    before.close();
    const it = await start();
    it.worker.chosen();
    await it.poll(0);
    assert.equal(horde.maintenance, null);
  });
});

describe('a server that refuses', () => {
  test('the key: nothing is asked until the owner changes it', async () => {
    const it = await started({ choice: { key: 'wrong' } });
    await it.is('key-refused');
    it.clock.advance(60 * MINUTE_MS);
    it.worker.wake();
    it.clock.advance(0);
    await quiet();
    assert.equal(horde.requests.length, 1);
    it.choice.now = { ...it.choice.now, key: HORDE_KEY };
    it.worker.chosen();
    await it.poll(0);
    await it.is('waiting');
  });

  test('everything: ever less is asked', async () => {
    for (let index = 0; index < 50; index += 1)
      horde.override(POP, reply(403, { message: 'No.', rc: 'UnsafeIP' }));
    const it = await started();
    await it.is('refused');
    assert.equal(it.worker.state().message, 'No.');
    for (let minute = 0; minute < 24 * 60; minute += 1) {
      it.clock.advance(MINUTE_MS);
      await quiet();
    }
    await it.is('refused');
    assert.ok(horde.to(POP).length <= 30, `${horde.to(POP).length} requests in a day`);
  });

  test('for a while: as long as it says', async () => {
    horde.override(POP, reply(429, {}, { 'retry-after': '600' }));
    const it = await started();
    await it.is('limited');
    it.clock.advance(599_000);
    await quiet();
    assert.equal(horde.to(POP).length, 1);
    await it.poll(2_000);
  });

  test('an answer at first: it is sent again, and counted once', async () => {
    horde.queue.push(hordeJob('job-1', MODEL.name));
    for (const status of [500, 429]) horde.override(SUBMIT, reply(status, {}));
    const it = await started();
    const run = await it.engine.next();
    run.start(5);
    run.text('there', 1);
    run.end('stop');
    await until(() => {
      it.clock.advance(500);
      return it.kudos() > 0n;
    });
    assert.equal(horde.to(SUBMIT).length, 3);
    assert.equal(it.kudos(), 1_234n);
  });

  for (const [name, answer, state, error] of [
    ['an answer for good', reply(403, { rc: 'WrongCredentials' }), 'failed', 'not-accepted'],
    ['an answer that came too late', reply(404, { rc: 'InvalidJobID' }), 'failed', 'aborted'],
    ['a repeat', reply(400, { rc: 'DuplicateGen' }), 'charged', null],
    ['in a shape that isn’t known', reply(200, { prize: 5 }), 'charged', null],
  ] as const) {
    test(`${name}: no kudos, and the job ends`, async () => {
      horde.queue.push(hordeJob('job-1', MODEL.name));
      horde.override(SUBMIT, answer);
      const it = await started();
      const run = await it.engine.next();
      run.start(5);
      run.text('there', 1);
      run.end('stop');
      await until(() => it.last().state === state);
      assert.equal(it.last().error, error);
      assert.equal(it.kudos(), 0n);
      assert.deepEqual(it.database.records.list('horde-jobs'), []);
      assert.equal(horde.to(SUBMIT).length, 1);
    });
  }
});

test('a stop in the middle of a job gives it back', async () => {
  horde.queue.push(hordeJob('job-1', MODEL.name));
  const it = await started();
  (await it.engine.next()).start(5);
  await it.worker.stop();
  assert.equal(horde.jobs.get('job-1'), 'faulted');
  assert.deepEqual(it.database.records.list('horde-jobs'), []);
});
