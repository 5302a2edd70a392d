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
import { logJobs } from './jobs.ts';
import { logModels } from './models.ts';
import { logSettlement } from './money.ts';
import { logNotices, logSettings } from './owner.ts';
import { logPeers } from './peers.ts';
import { logEngine, logMeasurement, logPresence } from './work.ts';

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
export function logRunStory(log: Log, parts: RunStoryParts): () => void {
  const { clock } = parts;
  const ends = [
    ...(parts.presence === null ? [] : [logPresence(log.child('presence'), parts.presence, clock)]),
    logEngine(log.child('engine'), parts.engine),
    logJobs(log.child('jobs'), parts.jobs, parts.token),
    logSettlement(log.child('settlement'), parts.settlement, { token: parts.token, coin: parts.coin }),
    logPeers(log.child('network'), parts.network),
    logModels(log.child('models'), parts.models, clock),
    logSettings(log.child('settings'), parts.settings),
    logNotices(log.child('notices'), parts.notices),
    logMeasurement(log.child('benchmark'), 'Benchmark', parts.benchmark, clock),
    logMeasurement(log.child('benchmark'), 'Calibration', parts.predictions, clock),
  ];
  return () => {
    for (const end of ends) end();
  };
}
