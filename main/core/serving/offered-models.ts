/** Lists the models of the current offer, each at the speed that a job gets now once it is loaded. */
import type { OfferedModel } from '../../../shared/offer.ts';
import type { LoadedModel } from '../../ports/engine.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { EngineDuty } from '../engine/index.ts';
import type { Pricing } from '../pricing/index.ts';
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
  readonly pricing: Pick<Pricing, 'quote'>;
  readonly benchmark: Pick<Benchmark, 'speedsAt'>;
  readonly duty: Pick<EngineDuty, 'given'>;
}): OfferedModel[] {
  const { models, pricing, benchmark, duty } = now;
  return models.map(({ id, sha256, facts, isLoaded }) => {
    const { quantisation, contextTokens, backend, threads, loadMs, features = [] } = facts;
    const speeds = benchmark.speedsAt({ modelId: id, backend, threads }, duty.given());
    const { price, batchPrice } = pricing.quote({ id, sha256, ...speeds });
    return {
      id,
      sha256,
      quantisation,
      contextTokens,
      features: [...features],
      price,
      ...(batchPrice !== null && { batchPrice }),
      ...(isLoaded ? {} : { loadMs: Math.round(loadMs) }),
      ...speeds,
    };
  });
}
