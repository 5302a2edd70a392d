/** What stands in the offer now: the loaded model at the speed that a job gets now, not at what the machine could do. */
import type { OfferedModel } from '../../shared/offer.ts';
import type { Settings } from '../../shared/settings.ts';
import type { Benchmark } from '../core/benchmark/index.ts';
import type { EngineDuty } from '../core/engine/index.ts';
import type { EngineStatus } from '../ports/engine.ts';

export function offeredModels(now: {
  readonly status: EngineStatus;
  readonly settings: Pick<Settings, 'priceInputPerMillion' | 'priceOutputPerMillion'>;
  readonly benchmark: Pick<Benchmark, 'speedsAt'>;
  readonly duty: Pick<EngineDuty, 'given'>;
}): OfferedModel[] {
  const { status, settings, benchmark, duty } = now;
  if (status.state !== 'ready') return [];
  const { model, quantisation, contextTokens, backend, threads } = status.loaded;
  return [
    {
      id: model.id,
      sha256: model.sha256,
      quantisation,
      contextTokens,
      price: {
        inputPerMillion: settings.priceInputPerMillion,
        outputPerMillion: settings.priceOutputPerMillion,
      },
      ...benchmark.speedsAt({ modelId: model.id, backend, threads }, duty.given()),
    },
  ];
}
