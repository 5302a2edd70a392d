/** Expected income of a day for each model whose speed is known, so that models can be compared before a download. */
import { comfortLimits } from '../../../shared/comfort.ts';
import type { ModelSpeed } from '../benchmark/index.ts';
import { estimate } from './estimate.ts';
import { type ForecastSources, factsFor, lastServed } from './facts.ts';

export interface ModelIncome {
  readonly model: string;
  /** Base units. */
  readonly low: string;
  readonly high: string;
  /** False if the speed is predicted. */
  readonly isMeasured: boolean;
}

export interface ModelOfInterest {
  readonly id: string;
  /** Null while its file is unknown: then no market price applies. */
  readonly sha256: string | null;
  readonly speed: ModelSpeed;
}

/** Speeds are at the owner's intensity; a prompt's speed that wasn't measured leaves a model out. */
export function incomesOf(
  sources: ForecastSources,
  models: readonly ModelOfInterest[],
): readonly ModelIncome[] {
  const duty = comfortLimits(sources.settings().comfort).dutyPercent / 100;
  const served = lastServed(sources);
  return models.flatMap(({ id, sha256, speed }) => {
    const known = speed.measured ?? speed.predicted;
    if (known === null || known.prefillTokensPerSecond === null) return [];
    const facts = factsFor(
      sources,
      { id, sha256 },
      {
        prefillTokensPerSecond: known.prefillTokensPerSecond * duty,
        decodeTokensPerSecond: known.decodeTokensPerSecond * duty,
      },
      served,
    );
    const { earned } = estimate(facts);
    return [{ model: id, ...earned, isMeasured: speed.measured !== null }];
  });
}
