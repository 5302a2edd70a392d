/** Lists the models of the current offer: the loaded model at the speed that a job gets now. */
import type { OfferedModel } from '../../../shared/offer.ts';
import type { Settings } from '../../../shared/settings.ts';
import type { EngineStatus } from '../../ports/engine.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { EngineDuty } from '../engine/index.ts';

/** Speeds follow the current duty cycle: a throttled machine doesn't offer its full speed. */
export function offeredModels(now: {
  readonly status: EngineStatus;
  readonly settings: Pick<Settings, 'priceInputPerMillion' | 'priceOutputPerMillion'>;
  readonly benchmark: Pick<Benchmark, 'speedsAt'>;
  readonly duty: Pick<EngineDuty, 'given'>;
}): OfferedModel[] {
  const { status, settings, benchmark, duty } = now;
  if (status.state !== 'ready') return [];
  const { model, quantisation, contextTokens, backend, threads, features = [] } = status.loaded;
  return [
    {
      id: model.id,
      sha256: model.sha256,
      quantisation,
      contextTokens,
      features: [...features],
      price: {
        inputPerMillion: settings.priceInputPerMillion,
        outputPerMillion: settings.priceOutputPerMillion,
      },
      ...benchmark.speedsAt({ modelId: model.id, backend, threads }, duty.given()),
    },
  ];
}
