/**
 * Verifies: a job for a model that isn't loaded loads it, alongside the loaded ones if the memory permits and else in place of
 *   those without jobs; idle models are unloaded; the main model comes back; the owner gets the memory of all of them.
 * Setup: the real choice of models on fake engines of 4 GB each, with a clock, a memory limit and a permission to run that
 *   the test sets.
 * Fails if: a model with jobs is unloaded, the limit is exceeded, a job runs on another model's engine, an idle model stays,
 *   the main model doesn't come back, or something is loaded while the machine is the owner's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createLoadedFacts } from '../../../main/core/serving/loaded-facts.ts';
import { ServedEngines } from '../../../main/core/serving/served-engines.ts';
import type { GenerateEvent, GenerateRequest, ModelFile } from '../../../main/ports/engine.ts';
import { isAppError } from '../../../shared/errors.ts';
import { createInOrder } from '../../../shared/in-order.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, FAKE_LOAD, type FakeEngine } from '../../fakes/engine.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const GB = 1e9;
const IDLE_MS = 600_000;
const NEVER = new AbortController().signal;
const REQUEST: GenerateRequest = {
  ...{ prompt: { kind: 'text', text: 'go' }, maxTokens: 2, temperature: 0, topP: 1, seed: null, stop: [] },
};
const file = (id: string): ModelFile => ({ id, path: `/${id}.gguf`, sha256: id.padEnd(64, '0') });
const TIDY = { mayTry: true, isOutdated: () => false };

async function setUp(limitBytes: number, furtherIds: readonly string[] = ['b']) {
  const engines = new Map<string, FakeEngine>();
  const engineOf = ({ id }: ModelFile): FakeEngine => {
    const engine = engines.get(id) ?? createFakeEngine();
    engines.set(id, engine);
    return engine;
  };
  const main = engineOf(file('main'));
  const world = { limitBytes, mayRun: true };
  const clock = manualClock(0);
  const inOrder = createInOrder();
  const served = new ServedEngines({
    main,
    mainFile: () => file('main'),
    async loadMain() {
      if (main.status().state !== 'ready') await main.load(file('main'), FAKE_LOAD);
    },
    engineOf,
    loadOptions: async () => FAKE_LOAD,
    bytesOf: () => 4 * GB,
    memory: { bytes: () => world.limitBytes, machineBytes: (heldBytes) => GB + heldBytes },
    idleMs: () => IDLE_MS,
    mayRun: () => world.mayRun,
    inOrder,
    facts: createLoadedFacts(createMemoryRecordStore()),
    clock,
    log: createRecordingLog(),
    onStatus: () => undefined,
  });
  await main.load(file('main'), FAKE_LOAD);
  served.setFurther(furtherIds.map(file));
  const settled = async () => {
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
  };
  const tidy = () => inOrder(() => served.tidy(TIDY));
  const loaded = () =>
    [...engines].flatMap(([id, engine]) => (engine.status().state === 'ready' ? [id] : []));
  /** Begins a job and returns its next event; the job ends with `leave`. */
  const begin = (id: string, signal: AbortSignal = NEVER) => {
    const held = served.hold(id);
    const events = held.generate({ ...REQUEST, maxTokens: 100 }, signal)[Symbol.asyncIterator]();
    return {
      next: async (): Promise<GenerateEvent | undefined> => (await events.next()).value,
      async leave() {
        await events.return?.();
        held.release();
      },
    };
  };
  const run = async (id: string) => {
    const job = begin(id);
    const first = await job.next();
    await job.leave();
    return first;
  };
  await tidy();
  return { served, engines, main, world, clock, tidy, settled, loaded, begin, run };
}

test('the memory of loaded models counts as the machine’s, because others could be loaded instead', async () => {
  const { served, engines } = await setUp(8 * GB, []);
  assert.equal(served.machineBytes(), 5 * GB);
  await engines.get('main')?.stop();
  assert.equal(served.machineBytes(), GB);
});

test('a new model is loaded once to learn what can be offered, and stays alongside the main one if both fit', async () => {
  const { served, loaded } = await setUp(8 * GB);
  assert.deepEqual(loaded(), ['main', 'b']);
  assert.deepEqual(
    served.offerable().map(({ id, isLoaded }) => [id, isLoaded]),
    [
      ['main', true],
      ['b', true],
    ],
  );
});

test('the main model is back after a new one was tried where only one fits, and both are offered', async () => {
  const { served, loaded } = await setUp(7 * GB);
  assert.deepEqual(loaded(), ['main']);
  assert.deepEqual(
    served.offerable().map(({ id, isLoaded }) => [id, isLoaded]),
    [
      ['main', true],
      ['b', false],
    ],
  );
});

test('a model that needs more than all the memory is neither tried nor offered', async () => {
  const { served, engines } = await setUp(3 * GB);
  assert.equal(engines.get('b')?.status().state, 'stopped');
  assert.deepEqual(
    served.offerable().map(({ id }) => id),
    ['main'],
  );
  assert.deepEqual(served.availability('b'), { kind: 'unknown' });
});

test('a job goes to its own model’s engine, in place of the idle main model, which is loaded again later', async () => {
  const { served, engines, clock, settled, loaded, run } = await setUp(7 * GB);
  assert.deepEqual(await run('b'), { type: 'start', inputTokens: 1 });
  assert.deepEqual([engines.get('b')?.requests.length, engines.get('main')?.requests.length], [1, 0]);
  assert.deepEqual(loaded(), ['b']);
  assert.equal(served.status().state, 'ready');
  assert.deepEqual(served.availability('main'), { kind: 'available', slots: 2 });
  clock.advance(IDLE_MS - 1);
  await settled();
  assert.deepEqual(loaded(), ['b']);
  clock.advance(1);
  await settled();
  assert.deepEqual(loaded(), ['main']);
});

test('a job for the main model brings it back before that', async () => {
  const { loaded, run } = await setUp(7 * GB);
  await run('b');
  assert.deepEqual(await run('main'), { type: 'start', inputTokens: 1 });
  assert.deepEqual(loaded(), ['main']);
});

test('a model is refused while the others that take its memory have jobs', async () => {
  const { served, loaded, begin } = await setUp(7 * GB);
  const job = begin('main');
  await job.next();
  assert.deepEqual(served.availability('b'), { kind: 'no-memory' });
  assert.deepEqual(served.anyAvailability(), { kind: 'available', slots: 2 });
  assert.ok(
    served.offerable().some(({ id }) => id === 'b'),
    'it is still offered',
  );
  await job.leave();
  assert.equal(served.availability('b').kind, 'available');
  // A job that waits for its model counts as well as one that runs.
  const held = served.hold('b');
  assert.deepEqual(served.availability('main'), { kind: 'available', slots: 2 });
  assert.deepEqual(loaded(), ['main']);
  held.release();
});

test('of two idle models the one leaves whose last job ended earlier', async () => {
  const { clock, loaded, run } = await setUp(8 * GB, ['b', 'c']);
  await run('b');
  clock.advance(1_000);
  await run('main');
  await run('c');
  assert.deepEqual(loaded(), ['main', 'c']);
});

test('an idle model is unloaded even where it fits, and one with a job is not', async () => {
  const { clock, settled, loaded, begin, run } = await setUp(8 * GB);
  await run('b');
  const job = begin('b');
  await job.next();
  clock.advance(IDLE_MS);
  await settled();
  assert.deepEqual(loaded(), ['main', 'b']);
  await job.leave();
  clock.advance(IDLE_MS);
  await settled();
  assert.deepEqual(loaded(), ['main']);
});

test('idle models leave when the limit is lowered, and none with a job', async () => {
  const { world, tidy, loaded, begin } = await setUp(12 * GB, ['b', 'c']);
  const job = begin('b');
  await job.next();
  world.limitBytes = 8 * GB;
  await tidy();
  assert.deepEqual(loaded(), ['main', 'b']);
  await job.leave();
  world.limitBytes = 7 * GB;
  await tidy();
  assert.deepEqual(loaded(), ['main']);
});

test('a model that was loaded with other options is unloaded once it has no job', async () => {
  const { served, loaded, begin } = await setUp(8 * GB);
  const job = begin('b');
  await job.next();
  await served.tidy({ mayTry: false, isOutdated: () => true });
  assert.deepEqual(loaded(), ['main', 'b']);
  await job.leave();
  await served.tidy({ mayTry: false, isOutdated: () => true });
  assert.deepEqual(loaded(), ['main']);
});

test('a hand-back frees all engines at the same time, and nothing is loaded until work is permitted', async () => {
  const { served, world, tidy, loaded, begin } = await setUp(8 * GB);
  const job = begin('b');
  await job.next();
  world.mayRun = false;
  assert.deepEqual(await served.handBack(), { how: 'killed', durationMs: 1 });
  assert.deepEqual(loaded(), []);
  assert.equal(await served.handBack(), null);
  await job.leave();
  await assert.rejects(begin('b').next(), (error) => isAppError(error, 'aborted'));
  await tidy();
  assert.deepEqual(loaded(), []);
});

test('a job whose requester leaves before the load ends as aborted, and nothing is loaded for it', async () => {
  const { loaded, begin } = await setUp(7 * GB);
  const leaving = new AbortController();
  leaving.abort();
  const job = begin('b', leaving.signal);
  const end = await job.next();
  assert.ok(end?.type === 'end' && end.reason === 'aborted' && end.inputTokens === 0);
  await job.leave();
  assert.deepEqual(loaded(), ['main']);
});

test('a model that is no longer served is stopped, also while it has a job', async () => {
  const { served, settled, loaded, begin } = await setUp(8 * GB);
  const job = begin('b');
  await job.next();
  await job.next();
  served.setFurther([]);
  await settled();
  assert.deepEqual(loaded(), ['main']);
  assert.deepEqual(served.availability('b'), { kind: 'unknown' });
  await assert.rejects(async () => {
    for (;;) if ((await job.next())?.type === 'end') return;
  });
});

test('a crash concerns the jobs of one model only', async () => {
  const { engines, begin } = await setUp(8 * GB);
  const [first, second] = [begin('main'), begin('b')];
  await Promise.all([first.next(), second.next()]);
  await Promise.all([first.next(), second.next()]);
  engines.get('b')?.crash();
  await assert.rejects(second.next(), (error) => isAppError(error, 'engine-failed'));
  assert.equal((await first.next())?.type, 'text');
  await Promise.all([first.leave(), second.leave()]);
});
