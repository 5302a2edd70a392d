/**
 * Verifies: serving follows presence, settings and the owner's choice of a model: a new limit reaches the engine
 * without interrupting a response, a pause hands the machine back, a missing source falls back and is retried.
 * Setup: serving on a fake engine and scripted models and presence, with a number of jobs that the test sets.
 * Fails if: a new limit applies only after the next start or waits for another change, a load interrupts a response,
 * a model is loaded again for an unrelated setting, a pause keeps the engine, a source is tried only once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createEngineDuty } from '../../../main/core/engine/index.ts';
import { DEFAULT_MODEL_ID, TINY_MODEL_ID } from '../../../main/core/models/index.ts';
import { createNotices } from '../../../main/core/notices/index.ts';
import { createServing, type Graphics, type ServingOptions } from '../../../main/core/serving/index.ts';
import { createSettings } from '../../../main/core/settings/index.ts';
import type { Engine, EngineStatus, LoadOptions, ModelFile } from '../../../main/ports/engine.ts';
import { storageError } from '../../../main/ports/storage.ts';
import type { RecordStore } from '../../../main/ports/store.ts';
import type { HandBack } from '../../../shared/api/state.ts';
import { comfortLimits } from '../../../shared/comfort.ts';
import { AppError } from '../../../shared/errors.ts';
import type { Presence } from '../../../shared/presence.ts';
import type { SandboxReport } from '../../../shared/sandbox.ts';
import { DEFAULT_SETTINGS } from '../../../shared/settings.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createFakeEngine, FAKE_MODEL } from '../../fakes/engine.ts';
import { createRecordingLog } from '../../fakes/log.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';
import { sandboxOf } from '../../fakes/sandbox.ts';

function fakePresence() {
  const listeners = new Set<(presence: Presence) => void>();
  let current: Presence = { decision: 'run', reason: 'idle', sinceMs: 0, untilMs: null };
  const availability: string[] = [];
  return {
    availability,
    decide(decision: Presence['decision'], reason: Presence['reason']) {
      current = { ...current, decision, reason };
      for (const listener of listeners) listener(current);
    },
    service: {
      current: () => current,
      onChange: (listener: (presence: Presence) => void) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      setAvailability: (next: string) => void availability.push(next),
    },
  };
}

/** A model that was added by link and is still listed. */
const LINKED = 'link-alpha-q4-k-m-0123456789ab';

/** A model store whose sources fail while `missing` has the model. */
function fakeModels() {
  const missing = new Set<string>();
  const requested: string[] = [];
  return {
    missing,
    requested,
    store: {
      async ensure(id: string): Promise<ModelFile> {
        requested.push(id);
        if (missing.has(id)) throw new AppError('no-source', 'No source can be reached.');
        return { ...FAKE_MODEL, id, sha256: id.padEnd(64, '0') };
      },
      list: () => [
        { id: 'huge', fit: 'does-not-fit' },
        { id: LINKED, fit: 'fits', state: 'ready' },
      ],
      findOwn: async () => ({ files: [], refused: [] }),
      requiredBytes: () => 1e9,
      onChange: () => () => undefined,
    },
  };
}

/** The fake engine, which reports this sandbox. */
function confined(engine: Engine, sandbox: SandboxReport): Engine {
  return {
    ...engine,
    status() {
      const status = engine.status();
      return status.state === 'ready' ? { ...status, loaded: { ...status.loaded, sandbox } } : status;
    },
  };
}

const RESTARTING: EngineStatus = {
  state: 'restarting',
  attempt: 1,
  inMs: 30_000,
  cause: 'can’t be reached',
};

const ALL_GRAPHICS: Graphics = {
  choice: () => ({ kind: 'all' }),
  refresh: async () => false,
  memoryBytes: () => null,
  read: async () => {},
};

function serve(
  parts: {
    tinyMayServe?: boolean;
    requiresSandbox?: boolean;
    sandbox?: SandboxReport;
    records?: RecordStore;
    missing?: readonly string[];
    jobs?: number;
  } = {},
) {
  const engine = confined(createFakeEngine(), parts.sandbox ?? sandboxOf('in-force'));
  const loads: { id: string; options: LoadOptions }[] = [];
  const records = parts.records ?? createMemoryRecordStore();
  const settings = createSettings({ records, defaults: DEFAULT_SETTINGS });
  const presence = fakePresence();
  const models = fakeModels();
  for (const id of parts.missing ?? []) models.missing.add(id);
  const clock = manualClock(0);
  const notices = createNotices();
  const log = createRecordingLog();
  const duty = createEngineDuty(engine);
  const handBacks: HandBack[] = [];
  const statusListeners: ((status: EngineStatus) => void)[] = [];
  const world = {
    ...{ jobs: parts.jobs ?? 0, ended: 0, concluded: 0, isDiskFull: false, isRestarting: false },
    libraries: null as string | null,
    whileGraphicsAreRead: () => false,
  };
  const options = {
    engine: {
      ...engine,
      status: () => (world.isRestarting ? RESTARTING : engine.status()),
      onStatus: (listener: (status: EngineStatus) => void) => {
        statusListeners.push(listener);
        return engine.onStatus(listener);
      },
      load: (model: ModelFile, load: LoadOptions) => {
        loads.push({ id: model.id, options: load });
        return engine.load(model, load);
      },
    },
    engineOf: () => createFakeEngine(),
    freeBytes: () => 8e9,
    isMeasuring: () => false,
    duty,
    models: models.store,
    presence: presence.service,
    settings,
    machine: { inventory: async () => ({ physicalCores: 4 }) },
    graphics: { ...ALL_GRAPHICS, refresh: async () => world.whileGraphicsAreRead() },
    libraries: () => world.libraries,
    records,
    clock,
    log,
    notices,
    tinyMayServe: parts.tinyMayServe ?? false,
    requiresSandbox: parts.requiresSandbox ?? false,
    activeJobs: () => world.jobs,
    async endJobs() {
      world.ended += 1;
      await setImmediate();
      if (world.isDiskFull) throw storageError('disk-full');
      world.concluded += 1;
    },
    handBacks: {
      add(handBack: HandBack) {
        if (world.isDiskFull) throw storageError('disk-full');
        handBacks.push(handBack);
      },
    },
    onChange() {},
  };
  const serving = createServing(options as unknown as ServingOptions);
  serving.start();
  const settled = async () => {
    for (let turn = 0; turn < 20; turn += 1) await setImmediate();
  };
  const seen = { loads, handBacks, log, statusListeners, clock, notices };
  return {
    engine,
    records,
    settings,
    presence,
    models,
    duty,
    world,
    serving,
    settled,
    ...seen,
  };
}

const memoryLimits = ({ loads }: ReturnType<typeof serve>) =>
  loads.map(({ options }) => options.graphicsMemoryBytesMax);

test('a new GPU memory limit reloads an idle model only, and an unrelated setting does not', async () => {
  const parts = serve();
  const { settings, serving, world, settled } = parts;
  await settled();
  assert.deepEqual(memoryLimits(parts), [null]);
  settings.change({ graphicsMemoryBytesMax: 4e9 });
  await settled();
  assert.deepEqual(memoryLimits(parts), [null, 4e9]);
  settings.change({ notifications: false });
  await settled();
  assert.deepEqual(memoryLimits(parts), [null, 4e9], 'nothing that affects the load has changed');
  world.jobs = 1;
  settings.change({ graphicsMemoryBytesMax: 2e9 });
  await settled();
  assert.deepEqual(memoryLimits(parts), [null, 4e9], 'a response is being generated');
  world.jobs = 0;
  serving.idle();
  await settled();
  assert.deepEqual(memoryLimits(parts), [null, 4e9, 2e9]);
  serving.stop();
});

test('another choice is loaded although the engine of the last one is waited for', async () => {
  const { loads, world, serving, settled } = serve();
  await settled();
  world.isRestarting = true;
  await serving.activate('other');
  await settled();
  assert.deepEqual(
    loads.map(({ id }) => id),
    [DEFAULT_MODEL_ID, 'other'],
  );
  await serving.activate('other');
  await settled();
  assert.equal(loads.length, 2, 'it is waited for without another load');
  serving.stop();
});

test('a pause hands the machine back with its reason, and the model is loaded again afterwards', async () => {
  const { engine, loads, presence, handBacks, world, log, settled, serving } = serve({ jobs: 2 });
  await settled();
  presence.decide('pause', 'owner-active');
  await settled();
  assert.equal(engine.status().state, 'stopped');
  assert.deepEqual(
    handBacks.map(({ reason, jobs }) => [reason, jobs]),
    [['owner-active', 2]],
  );
  assert.ok(world.ended >= 1, 'running jobs were concluded');
  assert.ok(log.lines.some(({ message }) => message === 'Machine handed back'));
  world.jobs = 0;
  presence.decide('run', 'idle');
  await settled();
  assert.equal(loads.length, 2);
  assert.equal(engine.status().state, 'ready');
  serving.stop();
});

test('on a full disk the machine is still handed back, and what could not be recorded is a warning', async () => {
  const { engine, presence, handBacks, world, log, settled, serving } = serve({ jobs: 2 });
  await settled();
  world.isDiskFull = true;
  presence.decide('pause', 'disk-full');
  await settled();
  assert.equal(engine.status().state, 'stopped');
  assert.deepEqual(handBacks, []);
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'error'),
    [],
  );
  const warnings = log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
  assert.deepEqual(warnings, [
    'The machine was handed back, but its duration could not be recorded',
    'The machine was handed back, but the ends of its jobs could not be recorded',
  ]);
  assert.ok(log.lines.some(({ message }) => message === 'Machine handed back'));
  serving.stop();
});

test('a throttle halves the duty cycle of the owner’s intensity', async () => {
  const { duty, presence, settings, settled, serving } = serve();
  await settled();
  const full = comfortLimits(DEFAULT_SETTINGS.comfort).dutyPercent;
  assert.equal(duty.given(), full);
  presence.decide('throttle', 'too-warm');
  assert.equal(duty.given(), Math.round(full / 2));
  settings.change({ comfort: 5 });
  assert.equal(duty.given(), 50);
  presence.decide('run', 'idle');
  assert.equal(duty.given(), 100);
  serving.stop();
});

test('without a source it serves nothing, shows a notice, and retries every minute', async () => {
  const { models, clock, notices, presence, serving, settled } = serve({ missing: [DEFAULT_MODEL_ID] });
  await settled();
  assert.deepEqual(presence.availability, ['no-model']);
  assert.deepEqual(
    notices.list().map(({ code }) => code),
    ['no-source'],
  );
  models.missing.clear();
  clock.advance(59_999);
  await settled();
  assert.equal(models.requested.length, 1);
  clock.advance(1);
  await settled();
  assert.deepEqual(presence.availability, ['no-model', 'ready']);
  assert.deepEqual(notices.list(), []);
  assert.equal(serving.modelId(), DEFAULT_MODEL_ID);
  serving.stop();
});

test('serves the tiny model, where it is allowed, until a source is available', async () => {
  const parts = serve({ tinyMayServe: true, missing: [DEFAULT_MODEL_ID] });
  const { loads, models, clock, notices, serving, settled } = parts;
  await settled();
  assert.equal(serving.modelId(), TINY_MODEL_ID);
  assert.deepEqual(
    notices.list().map(({ code }) => code),
    ['no-source', 'tiny-model-fallback'],
  );
  models.missing.clear();
  clock.advance(60_000);
  await settled();
  assert.deepEqual(
    loads.map(({ id }) => id),
    [TINY_MODEL_ID, DEFAULT_MODEL_ID],
  );
  assert.deepEqual(notices.list(), []);
  serving.stop();
});

test('an activated model is served now and after a restart', async () => {
  const { loads, records, serving, settled } = serve();
  await settled();
  await serving.activate(TINY_MODEL_ID);
  assert.deepEqual(
    loads.map(({ id }) => id),
    [DEFAULT_MODEL_ID, TINY_MODEL_ID],
  );
  serving.stop();
  const restarted = serve({ records });
  await restarted.settled();
  assert.equal(restarted.serving.modelId(), TINY_MODEL_ID);
  restarted.serving.stop();
});

test('a model that was added by link is served after a restart, and the default one once it was removed', async () => {
  for (const [id, served] of [
    [LINKED, LINKED],
    [LINKED.replace('alpha', 'removed'), DEFAULT_MODEL_ID],
  ] as const) {
    const { records, serving, settled } = serve();
    await settled();
    await serving.activate(id);
    serving.stop();
    const restarted = serve({ records });
    await restarted.settled();
    assert.equal(restarted.loads.at(-1)?.id, served);
    restarted.serving.stop();
  }
});

test('rejects a model that does not fit into memory, and keeps the one that is served', async () => {
  const { loads, serving, settled } = serve();
  await settled();
  await assert.rejects(serving.activate('huge'), { code: 'unsupported' });
  assert.equal(serving.modelId(), DEFAULT_MODEL_ID);
  assert.equal(loads.length, 1);
  serving.stop();
});

test('a further model is loaded next to the main one, and served again after a restart until it is turned off', async () => {
  const offeredBy = ({ serving }: ReturnType<typeof serve>) =>
    serving.engines.offerable().map(({ id, isLoaded }) => [id, isLoaded]);
  const first = serve();
  await first.settled();
  await first.serving.serveFurther(LINKED, true);
  await first.settled();
  assert.deepEqual(offeredBy(first), [
    [DEFAULT_MODEL_ID, true],
    [LINKED, true],
  ]);
  first.serving.stop();
  const restarted = serve({ records: first.records });
  await restarted.settled();
  assert.deepEqual(offeredBy(restarted), [
    [DEFAULT_MODEL_ID, true],
    [LINKED, false],
  ]);
  await restarted.serving.serveFurther(LINKED, false);
  assert.deepEqual(offeredBy(restarted), [[DEFAULT_MODEL_ID, true]]);
  assert.deepEqual(restarted.serving.furtherIds(), []);
  restarted.serving.stop();
});

test('refuses a further model without its file, and one that needs more memory than models may take', async () => {
  const { settings, serving, settled } = serve();
  await settled();
  await assert.rejects(serving.serveFurther('absent', true), { code: 'unsupported', message: /Download/ });
  settings.change({ modelMemoryBytesMax: 999_999_999 });
  await assert.rejects(serving.serveFurther(LINKED, true), { code: 'unsupported', message: /memory/ });
  assert.deepEqual(serving.furtherIds(), []);
  serving.stop();
});

test('an engine that gave up is shown as a notice and makes the machine unavailable', async () => {
  const { statusListeners, notices, presence, serving, settled } = serve();
  await settled();
  const gaveUp: EngineStatus = { state: 'gave-up', attempts: 5, cause: 'it ended with SIGSEGV' };
  for (const listener of statusListeners) listener(gaveUp);
  assert.equal(presence.availability.at(-1), 'engine-gave-up');
  assert.deepEqual(notices.list(), [
    {
      code: 'engine-gave-up',
      severity: 'error',
      details: { cause: 'it ended with SIGSEGV', attempts: 5 },
    },
  ]);
  serving.stop();
});

const WITHOUT_FILES: SandboxReport = { ...sandboxOf('in-force'), files: 'refused' };
const WITHOUT_PRIORITY: SandboxReport = { ...sandboxOf('in-force'), priority: 'refused' };

for (const [what, sandbox] of [
  ['without a sandbox', WITHOUT_FILES],
  ['by an engine server', sandboxOf('foreign')],
] as const) {
  test(`${what} strangers are served only if the owner agrees, and that can be taken back`, async () => {
    const { presence, settings, serving, settled, log } = serve({
      requiresSandbox: true,
      sandbox,
    });
    await settled();
    assert.equal(presence.availability.at(-1), 'unconfined');
    assert.ok(log.lines.some(({ message }) => /no sandbox/.test(message)));
    settings.change({ serveUnconfined: true });
    await settled();
    assert.equal(presence.availability.at(-1), 'ready');
    settings.change({ serveUnconfined: false });
    await settled();
    assert.equal(presence.availability.at(-1), 'unconfined');
    serving.stop();
  });
}

test('without the CPU nothing is served until it is on again, or another choice of GPUs finds one', async () => {
  const { presence, settings, serving, settled, log } = serve();
  await settled();
  assert.equal(presence.availability.at(-1), 'ready', 'the fake engine computes on the CPU');
  settings.change({ processorOff: true });
  await settled();
  assert.equal(presence.availability.at(-1), 'processor-off');
  assert.ok(log.lines.some(({ message }) => /no GPU that it can use/.test(message)));
  settings.change({ idleMinutes: 7 });
  await settled();
  assert.equal(presence.availability.at(-1), 'processor-off', 'nothing that matters has changed');
  const before = presence.availability.length;
  settings.change({ graphicsOff: ['a GPU'] });
  await settled();
  assert.ok(presence.availability.slice(before).includes('ready'), 'the engine tries again');
  settings.change({ processorOff: false });
  await settled();
  assert.equal(presence.availability.at(-1), 'ready');
  serving.stop();
});

test('fetched libraries for GPUs start the engine again, once, as soon as no job runs', async () => {
  const { loads, engine, serving, world, settled } = serve();
  await settled();
  let stops = 0;
  engine.onStatus(({ state }) => {
    if (state === 'stopped') stops += 1;
  });
  world.jobs = 1;
  world.libraries = '/home/ada/cuda';
  serving.idle();
  await settled();
  assert.deepEqual([loads.length, stops, world.ended], [1, 0, 0], 'a job runs');
  world.jobs = 0;
  world.whileGraphicsAreRead = () => {
    world.jobs = 1;
    return false;
  };
  serving.idle();
  await settled();
  assert.deepEqual([loads.length, stops, world.ended], [1, 0, 0], 'a job has just begun');
  world.jobs = 0;
  world.whileGraphicsAreRead = () => false;
  serving.idle();
  await settled();
  serving.idle();
  await settled();
  assert.equal(loads.length, 2);
  assert.ok(stops > 0, 'another process has to load them');
  serving.stop();
});

test('a missing sandbox is shown as a notice, and stops nothing where no strangers are served', async () => {
  for (const [sandbox, requiresSandbox] of [
    [sandboxOf('not-built'), false],
    [WITHOUT_PRIORITY, true],
  ] as const) {
    const { presence, notices, serving, settled } = serve({ requiresSandbox, sandbox });
    await settled();
    assert.equal(presence.availability.at(-1), 'ready');
    assert.deepEqual(
      notices.list().map(({ code, severity }) => [code, severity]),
      [['sandbox-missing', 'warning']],
    );
    serving.stop();
  }
  const { notices, serving, settled } = serve({ requiresSandbox: true });
  await settled();
  assert.deepEqual(notices.list(), []);
  serving.stop();
});
