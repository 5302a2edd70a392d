/** Lists the models of the current offer, each at the speed that a job gets now once it is loaded. */
import type { OfferedModel } from '../../../shared/offer.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { LoadedModel } from '../../ports/engine.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { EngineDuty } from '../engine/index.ts';
import type { LoadedFacts } from './loaded-facts.ts';

/** A model that a job can be done with, now or once the model is loaded. */
export interface Offerable {
  readonly id: string;
  readonly sha256: string;
  readonly facts: Omit<LoadedFacts, 'features'> & Pick<LoadedModel, 'features'>;
  readonly isLoaded: boolean;
}

/** Speeds follow the current duty cycle: a throttled machine doesn't offer its full speed. */
export function offeredModels(now: {
  readonly models: readonly Offerable[];
  readonly settings: Pick<Settings, 'priceInputPerMillion' | 'priceOutputPerMillion'>;
  readonly benchmark: Pick<Benchmark, 'speedsAt'>;
  readonly duty: Pick<EngineDuty, 'given'>;
}): OfferedModel[] {
  const { models, settings, benchmark, duty } = now;
  return models.map(({ id, sha256, facts, isLoaded }) => {
    const { quantisation, contextTokens, backend, threads, loadMs, features = [] } = facts;
    return {
      id,
      sha256,
      quantisation,
      contextTokens,
      features: [...features],
      price: {
        inputPerMillion: settings.priceInputPerMillion,
        outputPerMillion: settings.priceOutputPerMillion,
      },
      ...(isLoaded ? {} : { loadMs: Math.round(loadMs) }),
      ...benchmark.speedsAt({ modelId: id, backend, threads }, duty.given()),
    };
  });
}
