/** Subscribes the run story to all parts of an agent. */
import type { Asset } from '../../../shared/money.ts';
import type { Benchmark, Predictions } from '../../core/benchmark/index.ts';
import type { Jobs } from '../../core/jobs/index.ts';
import type { ModelStore } from '../../core/models/index.ts';
import type { Notices } from '../../core/notices/index.ts';
import type { PresenceService } from '../../core/presence/index.ts';
import type { SettingsService } from '../../core/settings/index.ts';
import type { Settlement } from '../../ports/chain.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Engine } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { Network } from '../../ports/network.ts';
import { tellJobs } from './jobs.ts';
import { tellModels } from './models.ts';
import { tellSettlement } from './money.ts';
import { tellNotices, tellSettings } from './owner.ts';
import { tellPeers } from './peers.ts';
import { tellEngine, tellMeasurement, tellPresence } from './work.ts';

export interface RunStoryParts {
  readonly clock: Clock;
  /** Null where nothing is sold, so that no work is ever permitted or paused. */
  readonly presence: PresenceService | null;
  readonly engine: Engine;
  readonly jobs: Jobs;
  readonly settlement: Settlement;
  readonly token: Asset;
  readonly coin: Asset;
  readonly network: Network;
  readonly models: ModelStore;
  readonly settings: SettingsService;
  readonly notices: Notices;
  readonly benchmark: Benchmark;
  readonly predictions: Predictions;
}

/** Returns the function that ends the story. */
export function tellRunStory(log: Log, parts: RunStoryParts): () => void {
  const { clock } = parts;
  const ends = [
    ...(parts.presence === null ? [] : [tellPresence(log.child('presence'), parts.presence, clock)]),
    tellEngine(log.child('engine'), parts.engine),
    tellJobs(log.child('jobs'), parts.jobs, parts.token),
    tellSettlement(log.child('settlement'), parts.settlement, { token: parts.token, coin: parts.coin }),
    tellPeers(log.child('network'), parts.network),
    tellModels(log.child('models'), parts.models, clock),
    tellSettings(log.child('settings'), parts.settings),
    tellNotices(log.child('notices'), parts.notices),
    tellMeasurement(log.child('benchmark'), 'Benchmark', parts.benchmark, clock),
    tellMeasurement(log.child('benchmark'), 'Calibration', parts.predictions, clock),
  ];
  return () => {
    for (const end of ends) end();
  };
}
