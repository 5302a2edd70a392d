/** What is sold: the machine, its engine and models, the offer, and the service that peers buy from. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { comfortLimits } from '../../shared/comfort.ts';
import { busAddresses, createDesktopBusSensor } from '../adapters/dbus/index.ts';
import { createWorkerProbe } from '../adapters/gpu/index.ts';
import { closeHttp, createHttpServer } from '../adapters/http/index.ts';
import { createHardwareSensor } from '../adapters/linux/index.ts';
import { createLlamaSpawner } from '../adapters/llama/index.ts';
import {
  createControllerSensor,
  createInputSensor,
  createNvmlSensor,
  readNamedCards,
} from '../adapters/native/index.ts';
import {
  createMachineReader,
  createMachineSensor,
  createOtherLoadSensor,
} from '../adapters/systeminformation/index.ts';
import { createPaymentGate } from '../adapters/x402/index.ts';
import type { ShellLink } from '../api/shell-link.ts';
import { createBenchmark, createPredictions, createShapes, joinProbes } from '../core/benchmark/index.ts';
import { createEngineDuty, createEngineSupervisor, createHandBacks } from '../core/engine/index.ts';
import { createOffers } from '../core/identity/index.ts';
import { createModelStore } from '../core/models/index.ts';
import { createSensing } from '../core/presence/index.ts';
import { createProviderService } from '../core/provider/index.ts';
import type { Network } from '../ports/network.ts';
import type { Surroundings } from './config.ts';
import type { Foundation } from './foundation.ts';
import { createGraphics } from './graphics.ts';
import type { Money } from './money.ts';
import { offeredModels } from './offered-models.ts';
import { createServing, servingLoad } from './serving.ts';
import { plainAsset } from './state-sections.ts';

const STOP_GRACE_MS = 1_000;

export function openSelling(
  surroundings: Surroundings,
  foundation: Foundation,
  money: Money,
  network: Network,
  shell: ShellLink,
) {
  const { config, serves, clock, onClose, changed, notice, fault } = surroundings;
  const { paths, database, records, jobs, settings, presence } = foundation;
  const { chain, accounts, wallet } = money;

  const machine = createMachineReader();
  const graphics = createGraphics({ machine, settings: settings.get, named: readNamedCards });
  const engine = createEngineSupervisor({
    spawn: createLlamaSpawner({ sandbox: { modelFolders: [paths.models] }, graphics: graphics.choice }),
    clock,
  });
  onClose(() => engine.stop());
  const duty = createEngineDuty(engine);
  const handBacks = createHandBacks(records);
  const models = createModelStore({
    home: paths.root,
    clock,
    budgetBytes: () => settings.get().modelBudgetBytes,
  });
  models.onChange(() => changed('models'));

  const withoutWindow = createWorkerProbe();
  const withWindow = joinProbes(shell.gpuProbe, withoutWindow);
  const benchmark = createBenchmark({
    gpuProbe: { run: (signal) => (shell.connected() ? withWindow : withoutWindow).run(signal) },
    engine,
    machine,
    store: database.benchmarks,
    clock,
    duty,
    comfortDutyPercent: () => comfortLimits(settings.get().comfort).dutyPercent,
    onMeasured: (measurements) => predictions.keepScore(measurements),
  });
  benchmark.onChange(() => changed('machine', 'models'));
  const shapes = createShapes(models, () => changed('models'));
  onClose(() => shapes.close());
  const calibrationFolder = join(paths.root, 'calibration');
  // An agent that was killed while it calibrated left its model there: up to 0.7 GB.
  try {
    rmSync(calibrationFolder, { recursive: true, force: true });
  } catch (error) {
    fault(error);
  }
  const calibrator = createEngineSupervisor({
    spawn: createLlamaSpawner({
      sandbox: { modelFolders: [calibrationFolder] },
      graphics: graphics.choice,
    }),
    clock,
  });
  onClose(() => calibrator.stop());
  const predictions = createPredictions({
    engine: calibrator,
    folder: calibrationFolder,
    load: () => servingLoad(machine, settings.get()),
    store: database.benchmarks,
    clock,
    shape: shapes.shape,
    measured: benchmark.newest,
  });
  predictions.onChange(() => changed('models'));
  const stopMeasuring = (why: string) => {
    benchmark.abort(why);
    predictions.abort(why);
  };
  onClose(() => stopMeasuring('Idlewatt is closing.'));
  presence.onChange(({ decision }) => {
    if (decision === 'pause') stopMeasuring('You need the machine.');
  });

  if (serves) {
    const ready = () => [engine.status(), calibrator.status()].filter((status) => status.state === 'ready');
    // Measured in a window of the desktop's, in a process that is not known here.
    const isProbing = () => benchmark.state().state === 'running';
    const sensors = [
      createMachineSensor(machine),
      createOtherLoadSensor(),
      createHardwareSensor({
        clock,
        usesGraphics: () => isProbing() || ready().some(({ loaded }) => loaded.backend !== 'cpu'),
      }),
      createInputSensor(),
      createControllerSensor(),
      createNvmlSensor({ ownPids: () => (isProbing() ? null : ready().map(({ pid }) => pid)) }),
      createDesktopBusSensor({ addresses: busAddresses(), clock }),
    ];
    const sensing = createSensing({ sensors, clock, report: presence.report, fault });
    onClose(() => sensing.stop());
  }

  const offers = createOffers({
    key: network.key,
    clock,
    terms: () => {
      const status = engine.status();
      return {
        payout: wallet.payout,
        networks: [chain.id],
        asset: plainAsset(chain.token),
        models: offeredModels({ status, settings: settings.get(), benchmark, duty }),
        slots: status.state === 'ready' ? status.loaded.sequences : 0,
      };
    },
    // Where the owner named another address, its key is not here to vouch for this peer.
    provePayout: async (text) =>
      wallet.payout === accounts.funds.address ? accounts.funds.signMessage(text) : null,
  });
  const provider = createProviderService({
    engine,
    gate: createPaymentGate(money.channels),
    key: network.key,
    clock,
    jobs,
    offers,
    presence: presence.current,
    // core/jobs books the charge in the step that makes it final.
    onCharged: () => changed('money'),
    onActive: (active) => {
      changed('work');
      if (active.length === 0) serving.idle();
    },
    onUnexpected: (error) => {
      fault(error);
      return null;
    },
  });
  if (serves) {
    const server = createHttpServer(provider.app);
    network.serve(server);
    onClose(() => closeHttp(server));
    onClose(() => provider.close(STOP_GRACE_MS));
  }

  const serving = createServing({
    engine,
    duty,
    models,
    presence,
    settings,
    machine,
    graphics,
    records,
    clock,
    tinyMayServe: config.profile === 'practice',
    activeJobs: () => provider.active().length,
    handBack: provider.handBack,
    handBacks,
    fault,
    notice,
    onChange: () => changed('work', 'models', 'network'),
  });
  onClose(() => serving.stop());

  return {
    machine,
    engine,
    handBacks,
    models,
    benchmark,
    predictions,
    provider,
    serving,
    servedModel: () => (serves ? serving.modelId() : null),
    /**
     * Serves from now on. The first measurement starts by itself once there is something to measure with and no
     * limit holds the machine back, so that offers promise what was measured.
     */
    start(): void {
      if (!serves) return;
      if (benchmark.state().state === 'never') {
        const measureFirst = () => {
          if (engine.status().state !== 'ready' || presence.current().decision !== 'run') return;
          for (const unsubscribe of waiting) unsubscribe();
          if (benchmark.state().state !== 'never') return;
          // How it ended is in the benchmark's own state.
          benchmark.run().catch(() => undefined);
        };
        const waiting = [engine.onStatus(measureFirst), presence.onChange(measureFirst)];
      }
      serving.start();
    },
  };
}
