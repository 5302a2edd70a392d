/** Opens the worker for an AI Horde. It does nothing until the owner turns it on and gives it a key and a model. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { HORDE_URL, type HordeState } from '../../shared/horde.ts';
import { createHordeServer } from '../adapters/horde/index.ts';
import { createHordeWorker, type HordeCandidate, type HordeChoice } from '../core/horde/index.ts';
import { fetchHorde } from './contacts.ts';
import type { Foundation } from './foundation.ts';
import type { Selling } from './selling.ts';
import { openServiceKeys } from './service-keys.ts';
import type { Surroundings } from './surroundings.ts';

export interface Horde {
  state(): HordeState;
  /** Fails with `disk-full` or `disk-unwritable`. */
  setKey(key: string | null): void;
  /** Works from now on, where this agent serves. */
  start(): void;
}

const KEY_ID = 'horde';

export function openHorde(surroundings: Surroundings, foundation: Foundation, selling: Selling): Horde {
  const { serves, terms, clock, log, onClose, changed } = surroundings;
  const { settings, presence, records, jobs, ledger, database } = foundation;
  const keys = openServiceKeys(foundation.paths.keys, 'horde.json');
  const choice = (): HordeChoice => {
    const { hordeOn, hordeUrl, hordeWorkerName, hordeModels, hordeNsfw } = settings.get();
    return {
      isOn: hordeOn && serves,
      // In practice, and among the machines of one owner, nothing leaves them unless the owner names a server.
      url: hordeUrl ?? (terms.openMarket ? HORDE_URL : null),
      key: keys.get(KEY_ID),
      workerName: hordeWorkerName,
      models: hordeModels,
      nsfw: hordeNsfw,
    };
  };
  const worker = createHordeWorker({
    choice,
    connect: ({ url, key }) => createHordeServer({ url, key, fetch: fetchHorde, clock }),
    candidates: () => candidatesOf(selling),
    other: selling.provider.other,
    presence: () => presence.current(),
    ...{ jobs, ledger, records, clock },
    transaction: database.transaction,
    log: log.child('horde'),
    random: Math.random,
    newName: () => `Idlewatt ${randomBytes(4).toString('hex')}`,
    onChange: () => changed('horde'),
  });
  let before = choice();
  const chosen = () => {
    const now = choice();
    if (isDeepStrictEqual(now, before)) return;
    before = now;
    worker.chosen();
    changed('horde');
  };
  return {
    state: worker.state,
    setKey(key) {
      keys.set(KEY_ID, key);
      chosen();
    },
    start() {
      if (!serves) return;
      onClose(() => worker.stop());
      onClose(settings.onChange(chosen));
      onClose(presence.onChange(() => worker.wake()));
      // A model that was loaded, and a slot that became free, are used immediately.
      onClose(selling.serving.engines.onStatus(() => worker.wake()));
      worker.chosen();
    },
  };
}

/** A job is no reason to load a model, which could take the place of another one. */
function candidatesOf({ serving, measuring, engine }: Selling): readonly HordeCandidate[] {
  return serving.engines.offerable().flatMap(({ id, isLoaded, facts }): HordeCandidate[] => {
    const { contextTokens, backend, threads, features = [] } = facts;
    if (!isLoaded || features.includes('embeddings')) return [];
    const served = { modelId: id, backend, threads };
    return [{ id, contextTokens, speeds: measuring.benchmark.speedsAt(served, engine.duty.given()) }];
  });
}
