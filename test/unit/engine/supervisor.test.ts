/**
 * Verifies: the engine's supervisor keeps one process running, serves requests in order and counts tokens correctly.
 * Setup: a fake process and a clock that the test moves.
 * Fails if: a response hangs after a crash, restarts never end, the queue loses a request, or tokens are counted that
 * were never delivered.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createEngineSupervisor } from '../../../main/core/engine/index.ts';
import type { EngineStatus, GenerateEvent, GenerateRequest, ModelFile } from '../../../main/ports/engine.ts';
import { forceUnwrap } from '../../../shared/assert.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';
import { FAKE_LOAD, FAKE_MODEL } from '../../fakes/engine.ts';
import { createFakeProcess, type FakeEngineProcess } from '../../fakes/engine-process.ts';

const REQUEST: GenerateRequest = {
  prompt: { kind: 'text', text: 'hello' },
  maxTokens: 10,
  temperature: 0,
  topP: 1,
  seed: 1,
  stop: [],
};
const NEVER = new AbortController().signal;

function setUp(
  change: (fake: FakeEngineProcess) => FakeEngineProcess = (fake) => fake,
  inspect?: (model: ModelFile) => Promise<void>,
) {
  const clock = manualClock(1_000);
  const processes: FakeEngineProcess[] = [];
  const engine = createEngineSupervisor({
    clock,
    restartBaseMs: 100,
    restartCapMs: 300,
    restartsMax: 3,
    stableMs: 10_000,
    stopGraceMs: 500,
    loadMsMax: 600_000,
    beginMsMax: 60_000,
    ...(inspect && { inspect }),
    spawn: () => {
      const fake = change(createFakeProcess(100 + processes.length));
      processes.push(fake);
      return fake;
    },
  });
  const statuses: EngineStatus[] = [];
  engine.onStatus((status) => statuses.push(status));
  const last = () => forceUnwrap('a process was started', processes.at(-1));
  const states = () => statuses.map((status) => status.state);
  return { clock, engine, processes, statuses, states, last };
}

async function ready(sequences = 2) {
  const bench = setUp();
  const loading = bench.engine.load(FAKE_MODEL, FAKE_LOAD);
  await turns();
  bench.last().loaded(sequences);
  await loading;
  return bench;
}

/** Runs everything that is already due. */
async function turns(): Promise<void> {
  for (let i = 0; i < 5; i += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Reads a response to its end in the background. */
function read(events: AsyncIterable<GenerateEvent>) {
  const seen: GenerateEvent[] = [];
  const done = (async () => {
    for await (const event of events) seen.push(event);
  })();
  done.catch(() => {});
  return { seen, done };
}

function generateIds(fake: FakeEngineProcess): number[] {
  return fake.commands.flatMap((command) => (command.type === 'generate' ? [command.id] : []));
}

function end(id: number, outputTokens: number, reason: 'stop' | 'length' | 'aborted' = 'stop') {
  return { type: 'end' as const, id, reason, inputTokens: 3, outputTokens, prefillMs: 2, decodeMs: 4 };
}

describe('loading', () => {
  it('tells the running process and each later one its limit of threads', async () => {
    const { engine, processes, last } = await ready();
    const limits = () => last().commands.filter(({ type }) => type === 'threads');
    engine.setThreadsMax(2);
    engine.setThreadsMax(2);
    assert.deepEqual(limits(), [{ type: 'threads', max: 2 }]);
    last().exit('killed by SIGKILL');
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    assert.equal(processes.length, 2);
    assert.deepEqual(limits(), [{ type: 'threads', max: 2 }]);
    last().loaded(2);
    await loading;
    engine.setThreadsMax(null);
    assert.deepEqual(limits().at(-1), { type: 'threads', max: null });
  });

  it('starts a process, loads the model and reports it as ready', async () => {
    const { engine, statuses, last } = await ready();
    assert.equal(last().commands[0]?.type, 'load');
    const status = forceUnwrap('a status', statuses.at(-1));
    assert.ok(status.state === 'ready');
    assert.equal(status.loaded.model.id, FAKE_MODEL.id);
    assert.equal(status.pid, 100);
    assert.equal(engine.status(), status);
  });

  it('passes on a load failure and is stopped afterwards', async () => {
    const { engine, last } = setUp();
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    const failure = { code: 'model-unavailable' as const, message: 'no model', details: { reason: 'file' } };
    last().report({ type: 'failed', request: 1, failure });
    await assert.rejects(loading, (error) => isAppError(error, 'model-unavailable'));
    assert.equal(engine.status().state, 'stopped');
  });

  it('rejects requests without a model and parameters out of bounds', async () => {
    const { engine } = setUp();
    await assert.rejects(read(engine.generate(REQUEST, NEVER)).done, (e) =>
      isAppError(e, 'model-unavailable'),
    );
    const bench = await ready();
    const wrong = { ...REQUEST, maxTokens: 0 };
    await assert.rejects(read(bench.engine.generate(wrong, NEVER)).done, (e) => isAppError(e, 'bad-request'));
  });

  it('loading another model aborts active requests and rejects queued ones', async () => {
    const { engine, last } = await ready(1);
    const first = read(engine.generate(REQUEST, NEVER));
    const second = read(engine.generate(REQUEST, NEVER));
    await turns();
    const loading = engine.load({ ...FAKE_MODEL, id: 'other' }, FAKE_LOAD);
    await assert.rejects(second.done, (error) => isAppError(error, 'model-unavailable'));
    assert.ok(last().commands.some((command) => command.type === 'abort'));
    last().events(end(generateIds(last())[0] ?? -1, 0, 'aborted'));
    await first.done;
    last().loaded();
    assert.equal((await loading).model.id, 'other');
  });
});

describe('responses', () => {
  it('streams the events of the process in order and counts busy sequences', async () => {
    const { engine, last, statuses } = await ready();
    const answer = read(engine.generate(REQUEST, NEVER));
    await turns();
    const [id = -1] = generateIds(last());
    last().events({ type: 'start', id, inputTokens: 3 }, { type: 'text', id, text: 'Hi', tokens: [7] });
    last().events({ type: 'text', id, text: ' you', tokens: [8, 9] }, end(id, 3));
    await answer.done;
    assert.deepEqual(answer.seen, [
      { type: 'start', inputTokens: 3 },
      { type: 'text', text: 'Hi', tokens: [7] },
      { type: 'text', text: ' you', tokens: [8, 9] },
      { type: 'end', reason: 'stop', inputTokens: 3, outputTokens: 3, prefillMs: 2, decodeMs: 4 },
    ]);
    const busy = statuses.flatMap((status) => (status.state === 'ready' ? [status.activeSequences] : []));
    assert.deepEqual(busy, [0, 1, 0]);
  });

  it('serves requests in order, never more than there are sequences', async () => {
    const { engine, last } = await ready(2);
    const answers = [1, 2, 3, 4].map((seed) => read(engine.generate({ ...REQUEST, seed }, NEVER)));
    await turns();
    const seeds = () =>
      last().commands.flatMap((command) => (command.type === 'generate' ? [command.request.seed] : []));
    assert.deepEqual(seeds(), [1, 2]);
    last().events(end(generateIds(last())[1] ?? -1, 0));
    assert.deepEqual(seeds(), [1, 2, 3]);
    for (const id of generateIds(last())) last().events(end(id, 0));
    for (const id of generateIds(last())) last().events(end(id, 0));
    await Promise.all(answers.map(({ done }) => done));
    assert.deepEqual(seeds(), [1, 2, 3, 4]);
  });
});

describe('aborts and failures of one response', () => {
  it('aborting a queued request ends it immediately and never reaches the process', async () => {
    const { engine, last } = await ready(1);
    const controller = new AbortController();
    const first = read(engine.generate(REQUEST, NEVER));
    const second = read(engine.generate(REQUEST, controller.signal));
    await turns();
    controller.abort();
    await second.done;
    const [only] = second.seen;
    assert.ok(only?.type === 'end' && only.reason === 'aborted' && only.outputTokens === 0);
    last().events(end(generateIds(last())[0] ?? -1, 0));
    await first.done;
    assert.equal(generateIds(last()).length, 1);
  });

  it('aborting an active request sends `abort`, and the end of the process keeps its counts', async () => {
    const { engine, last } = await ready();
    const controller = new AbortController();
    const answer = read(engine.generate(REQUEST, controller.signal));
    await turns();
    const [id = -1] = generateIds(last());
    controller.abort();
    assert.deepEqual(last().commands.at(-1), { type: 'abort', id });
    last().events(end(id, 2, 'aborted'));
    await answer.done;
    assert.ok(answer.seen.at(-1)?.type === 'end');
  });

  it('leaving the iteration aborts the request', async () => {
    const { engine, last } = await ready();
    const events = engine.generate(REQUEST, NEVER)[Symbol.asyncIterator]();
    const first = events.next();
    await turns();
    const [id = -1] = generateIds(last());
    last().events({ type: 'start', id, inputTokens: 1 });
    await first;
    await events.return?.();
    assert.deepEqual(last().commands.at(-1), { type: 'abort', id });
  });

  it('a failed response does not affect the others', async () => {
    const { engine, last } = await ready();
    const bad = read(engine.generate(REQUEST, NEVER));
    const good = read(engine.generate(REQUEST, NEVER));
    await turns();
    const [badId = -1, goodId = -1] = generateIds(last());
    const failure = { code: 'context-exceeded' as const, message: 'too long', details: { inputTokens: 900 } };
    last().events({ type: 'failed', id: badId, failure });
    last().events(end(goodId, 1));
    await good.done;
    await assert.rejects(
      bad.done,
      (error) => isAppError(error, 'context-exceeded') && error.details.inputTokens === 900,
    );
  });
});

describe('restarts after crashes', () => {
  it('a crash fails the active response with the delivered tokens; a queued one is served after the restart', async () => {
    const { engine, clock, last, states, processes } = await ready(1);
    const broken = read(engine.generate(REQUEST, NEVER));
    const waiting = read(engine.generate(REQUEST, NEVER));
    await turns();
    const [id = -1] = generateIds(last());
    last().events({ type: 'text', id, text: 'Hi you', tokens: [7, 8] });
    last().exit('killed by SIGKILL');
    await assert.rejects(
      broken.done,
      (error) => isAppError(error, 'engine-failed') && error.details.deliveredTokens === 2,
    );
    const restarting = engine.status();
    assert.ok(
      restarting.state === 'restarting' && restarting.inMs === 100 && /SIGKILL/.test(restarting.cause),
    );
    clock.advance(99);
    assert.equal(processes.length, 1);
    clock.advance(1);
    assert.equal(processes.length, 2);
    last().loaded(1);
    await turns();
    const [again = -1] = generateIds(last());
    last().events(end(again, 1));
    await waiting.done;
    assert.deepEqual(states().slice(-5), ['restarting', 'loading', 'ready', 'ready', 'ready']);
  });

  it('backs off up to the cap, then gives up with a status and can be loaded again', async () => {
    const { engine, clock, last, statuses } = await ready();
    const waiting: { done: Promise<void> }[] = [];
    for (let crash = 0; crash < 4; crash += 1) {
      last().exit();
      if (crash === 0) waiting.push(read(engine.generate(REQUEST, NEVER)));
      clock.advance(300);
      await turns();
    }
    const waits = statuses.flatMap((status) => (status.state === 'restarting' ? [status.inMs] : []));
    assert.deepEqual(waits, [100, 200, 300]);
    const status = engine.status();
    assert.ok(status.state === 'gave-up' && status.attempts === 4);
    for (const { done } of waiting)
      await assert.rejects(done, (error) => isAppError(error, 'engine-gave-up'));
    await assert.rejects(read(engine.generate(REQUEST, NEVER)).done, (e) => isAppError(e, 'engine-gave-up'));

    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    last().loaded();
    await loading;
    assert.equal(engine.status().state, 'ready');
  });
});

describe('crash handling', () => {
  it('does not count earlier crashes after a stable time', async () => {
    const { engine, clock, last } = await ready();
    for (let crash = 0; crash < 10; crash += 1) {
      clock.advance(10_000);
      last().exit();
      const status = engine.status();
      assert.ok(status.state === 'restarting' && status.attempt === 1);
      clock.advance(100);
      last().loaded();
    }
  });

  it('retries a load that crashed, for the same caller', async () => {
    const { engine, clock, last } = setUp();
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    last().exit();
    clock.advance(100);
    last().loaded();
    assert.equal((await loading).backend, 'cpu');
  });

  it('kills a process that fails on its first command, and retries', async () => {
    const { engine, clock, processes } = setUp((fake) => ({
      ...fake,
      send: () => assert.fail('the channel is broken'),
      kill: () => fake.kill(),
      get killed() {
        return fake.killed;
      },
    }));
    engine.load(FAKE_MODEL, FAKE_LOAD).catch(() => {});
    await turns();
    const status = engine.status();
    assert.ok(status.state === 'restarting' && /the channel is broken/.test(status.cause));
    assert.equal(processes[0]?.killed, true);
    clock.advance(100);
    assert.equal(processes.length, 2);
  });

  it('kills a process that violates the protocol', async () => {
    const { engine, last } = await ready();
    last().sendRaw({ type: 'events', events: [{ type: 'text', id: -1 }] });
    assert.ok(last().killed);
    assert.equal(engine.status().state, 'restarting');
  });
});

describe('unloading and stopping', () => {
  it('unload frees the model and keeps the process', async () => {
    const { engine, last } = await ready();
    const unloading = engine.unload();
    const command = forceUnwrap('a command', last().commands.at(-1));
    assert.ok(command.type === 'unload');
    last().report({ type: 'unloaded', request: command.request });
    await unloading;
    assert.equal(engine.status().state, 'stopped');
    assert.equal(last().killed, false);
  });

  it('stop is cooperative first; active responses end as aborted with their counts', async () => {
    const { engine, last } = await ready();
    const answer = read(engine.generate(REQUEST, NEVER));
    await turns();
    const [id = -1] = generateIds(last());
    last().events({ type: 'start', id, inputTokens: 3 }, { type: 'text', id, text: 'Hi', tokens: [7] });
    const stopping = engine.stop();
    assert.equal(last().commands.at(-1)?.type, 'exit');
    last().exit('exited with code 0');
    await stopping;
    await answer.done;
    const final = answer.seen.at(-1);
    assert.ok(final?.type === 'end' && final.reason === 'aborted');
    assert.deepEqual([final.inputTokens, final.outputTokens], [3, 1]);
    assert.equal(engine.status().state, 'stopped');
  });

  it('stop kills a process that does not exit in time', async () => {
    const { engine, clock, last } = await ready();
    const stopping = engine.stop();
    clock.advance(499);
    assert.equal(last().killed, false);
    clock.advance(1);
    await stopping;
    assert.ok(last().killed);
  });

  it('stop during a restart cancels the restart', async () => {
    const { engine, clock, last, processes } = await ready();
    last().exit();
    await engine.stop();
    clock.advance(100_000);
    assert.equal(processes.length, 1);
    assert.equal(engine.status().state, 'stopped');
  });
});

describe('hand-back', () => {
  it('kills a computing process immediately: the response ends with the delivered tokens, and nothing restarts', async () => {
    const { engine, clock, last, processes } = await ready();
    const answer = read(engine.generate(REQUEST, NEVER));
    await turns();
    const [id = -1] = generateIds(last());
    last().events({ type: 'start', id, inputTokens: 3 }, { type: 'text', id, text: 'Hi', tokens: [7] });
    const given = engine.handBack();
    assert.ok(last().killed, 'before the hand-back waits for anything');
    await answer.done;
    const final = answer.seen.at(-1);
    assert.ok(final?.type === 'end' && final.reason === 'aborted');
    assert.deepEqual([final.inputTokens, final.outputTokens], [3, 1]);
    assert.equal((await given)?.how, 'killed');
    assert.equal(engine.status().state, 'stopped');
    clock.advance(100_000);
    assert.equal(processes.length, 1);
  });

  it('kills a process that is loading', async () => {
    const { engine, last } = setUp();
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    assert.equal((await engine.handBack())?.how, 'killed');
    await assert.rejects(loading, (error) => isAppError(error, 'aborted'));
    assert.ok(last().killed);
  });

  it('an idle engine only unloads, unless that takes too long', async () => {
    const { engine, clock, last } = await ready();
    const unloaded = engine.handBack();
    const command = forceUnwrap('a command', last().commands.at(-1));
    assert.ok(command.type === 'unload');
    clock.advance(20);
    last().report({ type: 'unloaded', request: command.request });
    assert.deepEqual(await unloaded, { how: 'unloaded', durationMs: 20 });

    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    last().loaded();
    await loading;
    const late = engine.handBack();
    clock.advance(249);
    assert.equal(last().killed, false);
    clock.advance(1);
    assert.deepEqual(await late, { how: 'killed', durationMs: 250 });
    assert.equal(engine.status().state, 'stopped');
  });
});

describe('repeated hand-backs', () => {
  it('two concurrent calls run one after the other, and a load started in between is killed', async () => {
    const { engine, last } = await ready();
    const first = engine.handBack();
    const second = engine.handBack();
    const command = forceUnwrap('a command', last().commands.at(-1));
    assert.ok(command.type === 'unload');
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    loading.catch(() => {});
    await turns();
    last().report({ type: 'unloaded', request: command.request });
    assert.equal((await first)?.how, 'unloaded');
    assert.equal((await second)?.how, 'killed');
    await assert.rejects(loading, (error) => isAppError(error, 'aborted'));
  });

  it('of two concurrent calls on an idle engine, only one reports a hand-back', async () => {
    const { engine, last } = await ready();
    const both = [engine.handBack(), engine.handBack()];
    const unload = forceUnwrap('a command', last().commands.at(-1));
    assert.ok(unload.type === 'unload');
    last().report({ type: 'unloaded', request: unload.request });
    assert.deepEqual(
      (await Promise.all(both)).map((given) => given?.how ?? null),
      ['unloaded', null],
    );
  });

  it('returns null if nothing is loaded, and cancels a restart', async () => {
    const { engine, clock, last, processes } = await ready();
    last().exit();
    assert.equal(await engine.handBack(), null);
    clock.advance(100_000);
    assert.equal(processes.length, 1);
    assert.equal(await engine.handBack(), null);
  });

  it('can be loaded again afterwards', async () => {
    const { engine, last, processes } = await ready();
    read(engine.generate(REQUEST, NEVER));
    await turns();
    await engine.handBack();
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    last().loaded();
    await loading;
    assert.equal(processes.length, 2);
    assert.equal(engine.status().state, 'ready');
  });
});

describe('loading a file that is not what it should be', () => {
  const isUnavailable = (reason: string) => (error: unknown) =>
    isAppError(error, 'model-unavailable') && error.details.reason === reason;

  it('stops a load that takes too long, and can load another model', async () => {
    const { engine, clock, states, processes, last } = setUp();
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    loading.catch(() => {});
    await turns();
    clock.advance(599_999);
    assert.equal(last().killed, false);
    clock.advance(1);
    await assert.rejects(loading, isUnavailable('timeout'));
    assert.equal(last().killed, true);
    assert.deepEqual(states(), ['loading', 'stopped', 'stopped']);
    clock.advance(1_000_000);
    assert.equal(processes.length, 1, 'it is not restarted');
    const next = engine.load(FAKE_MODEL, FAKE_LOAD);
    await turns();
    last().loaded();
    await next;
    clock.advance(1_000_000);
    assert.equal(last().killed, false, 'a loaded model has no deadline');
  });

  it('refuses a file that the inspection refuses, and starts no process for it', async () => {
    const { engine, states, processes } = setUp(undefined, async () => {
      throw new AppError('model-unavailable', 'no', { details: { reason: 'implausible' } });
    });
    await assert.rejects(engine.load(FAKE_MODEL, FAKE_LOAD), isUnavailable('implausible'));
    assert.deepEqual(states(), ['loading', 'stopped']);
    assert.equal(processes.length, 0);
  });

  it('loads nothing if it was unloaded or handed back during the inspection', async () => {
    const inspected = Promise.withResolvers<void>();
    const { engine, processes, states } = setUp(undefined, () => inspected.promise);
    const loading = engine.load(FAKE_MODEL, FAKE_LOAD);
    loading.catch(() => {});
    await turns();
    assert.equal(await engine.handBack(), null);
    inspected.resolve();
    await turns();
    await assert.rejects(loading, (error) => isAppError(error, 'aborted'));
    assert.equal(processes.length, 0);
    assert.equal(states().at(-1), 'stopped');
  });
});

describe('a prompt that the model’s template never finishes', () => {
  it('is stopped, and neither other requests nor the restarts suffer for long', async () => {
    const { engine, clock, processes, states, last } = await ready();
    for (let time = 1; time <= 5; time += 1) {
      const process = last();
      const stuck = read(engine.generate(REQUEST, NEVER));
      const other = read(engine.generate(REQUEST, NEVER));
      await turns();
      const [, second] = generateIds(process);
      process.events({ type: 'start', id: second ?? 0, inputTokens: 3 });
      clock.advance(60_000);
      await turns();
      assert.equal(process.killed, false, 'both may have been stopped and have just gone on');
      clock.advance(5_000);
      await assert.rejects(stuck.done, (error) => isAppError(error, 'bad-request'));
      await assert.rejects(other.done, (error) => isAppError(error, 'engine-failed'));
      assert.equal(process.killed, true);
      clock.advance(100);
      await turns();
      assert.equal(processes.length, time + 1);
      last().loaded(2);
    }
    assert.equal(states().includes('gave-up'), false);
    const next = read(engine.generate(REQUEST, NEVER));
    await turns();
    const [id] = generateIds(last());
    last().events({ type: 'start', id: id ?? 0, inputTokens: 3 });
    clock.advance(3_600_000);
    await turns();
    assert.equal(last().killed, false, 'a response that has begun may take its time');
    assert.deepEqual(next.seen, [{ type: 'start', inputTokens: 3 }]);
  });
});
