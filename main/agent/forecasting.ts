/** Opens the forecast on the parts that its facts come from. */
import { amount } from '../../shared/money.ts';
import type { WorkWatts } from '../core/earnings/index.ts';
import {
  collectFacts,
  createForecasts,
  type ForecastService,
  type ForecastSources,
  incomesOf,
  type ModelIncome,
} from '../core/forecast/index.ts';
import type { Directory } from '../core/network/index.ts';
import type { Doings } from '../core/presence/index.ts';
import type { Foundation } from './foundation.ts';
import type { History } from './history/index.ts';
import type { Money } from './money.ts';
import type { Selling } from './selling.ts';
import type { Surroundings } from './surroundings.ts';

export interface ForecastParts {
  readonly foundation: Foundation;
  readonly money: Money;
  readonly selling: Selling;
  /** Offers of peers. */
  readonly directory: Pick<Directory, 'providers'>;
  readonly history: Pick<History, 'earningsByDay'>;
  readonly workWatts: Pick<WorkWatts, 'mean'>;
  readonly doings: Pick<Doings, 'past'>;
}

export function openForecasting(
  { config, clock, onClose }: Surroundings,
  { foundation, money, selling, directory, history, workWatts, doings }: ForecastParts,
): { readonly forecasts: ForecastService; readonly incomes: () => readonly ModelIncome[] } {
  const { calendar, records, settings, usage, jobs, presence } = foundation;
  const { token, coin } = money.chain;
  const { models } = selling.engine;
  const servedModel = () => {
    const id = selling.servedModel();
    if (id === null) return null;
    return { id, sha256: models.list().find((model) => model.id === id)?.sha256 ?? null };
  };
  const sources: ForecastSources = {
    clock,
    calendar,
    jobs,
    usage,
    settings: () => settings.get(),
    benchmark: selling.measuring.benchmark,
    engine: () => selling.serving.engines.status(),
    servedModel,
    offers: () => directory.providers().map(({ offer }) => offer),
    workWatts: () => workWatts.mean(),
    token,
    isMarket: config.profile !== 'practice',
  };
  const forecasts = createForecasts({
    clock,
    calendar,
    records,
    facts: () => collectFacts(sources),
    past: () => doings.past(),
    stretchesUntil: presence.stretchesUntil,
    earnedByDay: async (days) =>
      (await history.earningsByDay(token.id, coin.id, days)).map(({ day, earned, resold }) => ({
        day,
        earned: amount(earned - resold),
      })),
  });
  onClose(() => forecasts.stop());
  const { predictions } = selling.measuring;
  const incomes = () =>
    incomesOf(
      sources,
      models.list().map(({ id, sha256 }) => ({ id, sha256, speed: predictions.speed(id) })),
    );
  return { forecasts, incomes };
}
