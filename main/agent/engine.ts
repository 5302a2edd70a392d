/** Opens the machine, its models and the engines that serve them. */
import { isEngineServerModel } from '../../shared/engine-servers.ts';
import { findAddresses } from '../adapters/http/index.ts';
import { createLlamaSpawner } from '../adapters/llama/index.ts';
import { readNamedCards } from '../adapters/native/index.ts';
import { levelOfEngineLine, logChildOutput } from '../adapters/node/index.ts';
import { createMachineReader } from '../adapters/systeminformation/index.ts';
import {
  createEngineDuty,
  createEngineShares,
  createEngineSupervisor,
  createHandBacks,
} from '../core/engine/index.ts';
import { chooseEngine, createEngineServers, createServerEngine } from '../core/engine-servers/index.ts';
import { checkModelFile } from '../core/gguf/index.ts';
import { createHubFetch, createLinkedModels, createModelHub } from '../core/model-hub/index.ts';
import { createLinkedEntries, createModelStore } from '../core/models/index.ts';
import { createGraphics, createModelMemory } from '../core/serving/index.ts';
import type { Engine, ModelFile } from '../ports/engine.ts';
import { connectRegistered, fetchModel } from './contacts.ts';
import type { Foundation } from './foundation.ts';
import { openGraphicsLibraries } from './graphics-libraries.ts';
import { logFault } from './log.ts';
import { logEngine } from './run-story/index.ts';
import { openServiceKeys } from './service-keys.ts';
import type { Surroundings } from './surroundings.ts';

export type EngineParts = ReturnType<typeof openEngine>;

/**
 * `machineBytes`: memory that models may count on, including that of loaded ones. `onLibraries`: libraries for GPUs were
 * fetched or removed.
 */
export function openEngine(
  surroundings: Surroundings,
  { paths, records, settings }: Foundation,
  { machineBytes, onLibraries }: { readonly machineBytes: () => number; readonly onLibraries: () => void },
) {
  const { clock, onClose, changed, log } = surroundings;
  const machine = createMachineReader();
  const libraries = openGraphicsLibraries(surroundings, { machine, onReplaced: onLibraries });
  const graphics = createGraphics({ machine, settings: () => settings.get(), named: readNamedCards });
  const servers = createEngineServers({
    settings,
    keys: openServiceKeys(paths.keys, 'engine-servers.json'),
    connect: connectRegistered,
    findAddresses,
    clock,
    log: log.child('engine-servers'),
    onChange: () => changed('models'),
  });
  const openOwn = () =>
    createEngineSupervisor({
      spawn: createLlamaSpawner({
        sandbox: { modelFolders: [paths.models] },
        graphics: graphics.choice,
        libraries: libraries.folders,
        onStderr: (stream) =>
          logChildOutput({ stream, log: log.child('engine'), levelOf: levelOfEngineLine }),
      }),
      clock,
      inspect: ({ path }) => checkModelFile(path),
    });
  const engine = chooseEngine({
    own: openOwn(),
    servers: createServerEngine({ find: servers.find, clock, log: log.child('engine-servers') }),
    isOfServer: ({ id }) => isEngineServerModel(id),
  });
  const shares = createEngineShares();
  shares.add(engine);
  onClose(() => engine.stop());
  const further = new Map<string, Engine>();
  /** Engine of a model alongside the main one. */
  const engineOf = (model: ModelFile): Engine => {
    const existing = further.get(model.id);
    if (existing !== undefined) return existing;
    const opened = openOwn();
    further.set(model.id, opened);
    shares.add(opened);
    onClose(() => opened.stop());
    onClose(logEngine(log.child('engine'), opened));
    return opened;
  };
  const fetchFromHub = createHubFetch(fetchModel);
  const models = createModelStore({
    home: paths.root,
    clock,
    fetch: fetchFromHub,
    linked: createLinkedEntries(records),
    budgetBytes: () => settings.get().modelBudgetBytes,
    memory: createModelMemory({ engine, graphics, machineBytes }),
  });
  const linkedModels = createLinkedModels({
    hub: createModelHub({ fetch: fetchFromHub, clock }),
    models,
    log: log.child('models'),
  });
  models.onChange(() => changed('models'));
  graphics
    .read()
    .then(() => changed('models'))
    .catch(logFault(log.child('models'), 'The GPUs could not be read'));
  models.findOwn().catch(logFault(log.child('models'), 'The folder for own models could not be read'));
  return {
    machine,
    graphics,
    libraries,
    engine,
    engineOf,
    servers,
    duty: createEngineDuty(shares),
    handBacks: createHandBacks(records),
    models,
    linkedModels,
  };
}
