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
import { type JobSummary, logJobs } from './jobs.ts';
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
  /** True from the moment a stop was requested. */
  readonly isStopping: () => boolean;
}

export interface RunStory {
  /** Returns what the jobs of this run came to. */
  summary(): JobSummary;
  end(): void;
}

export function logRunStory(log: Log, parts: RunStoryParts): RunStory {
  const { clock, isStopping } = parts;
  const jobs = logJobs(log.child('jobs'), parts.jobs, {
    asset: parts.token,
    noteOf: ({ id, state }) =>
      parts.jobs.show(id).events.findLast((event) => event.state === state)?.note ?? null,
    pausedFor() {
      const { decision, reason } = parts.presence?.current() ?? { decision: 'run', reason: null };
      return decision === 'pause' ? reason : null;
    },
    isStopping,
  });
  const ends = [
    ...(parts.presence === null ? [] : [logPresence(log.child('presence'), parts.presence, clock)]),
    logEngine(log.child('engine'), parts.engine, isStopping),
    jobs.end,
    logSettlement(log.child('settlement'), parts.settlement, { token: parts.token, coin: parts.coin }),
    logPeers(log.child('network'), parts.network),
    logModels(log.child('models'), parts.models, clock),
    logSettings(log.child('settings'), parts.settings),
    logNotices(log.child('notices'), parts.notices),
    logMeasurement(log.child('benchmark'), 'Benchmark', parts.benchmark, clock),
    logMeasurement(log.child('benchmark'), 'Calibration', parts.predictions, clock),
  ];
  return {
    summary: jobs.summary,
    end() {
      for (const end of ends) end();
    },
  };
}
