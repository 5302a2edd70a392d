/** Collects the facts of a forecast from what was measured, observed and set. */

import { isHotkeyPeer } from '../../../shared/bittensor.ts';
import { comfortLimits } from '../../../shared/comfort.ts';
import { isVisitor } from '../../../shared/customers.ts';
import type { Watts } from '../../../shared/forecast.ts';
import { isHordePeer } from '../../../shared/horde.ts';
import type { Job } from '../../../shared/jobs.ts';
import type { Asset } from '../../../shared/money.ts';
import type { Offer } from '../../../shared/offer.ts';
import type { Settings } from '../../../shared/settings.ts';
import { isOn } from '../../../shared/week.ts';
import type { Clock } from '../../ports/clock.ts';
import type { EngineStatus } from '../../ports/engine.ts';
import type { Benchmark } from '../benchmark/index.ts';
import type { Calendar } from '../calendar/index.ts';
import type { Jobs } from '../jobs/index.ts';
import type { Usage } from '../presence/index.ts';
import { type ForecastFacts, marketPrices, type PastDay } from './estimate.ts';

export interface ForecastSources {
  readonly clock: Clock;
  readonly calendar: Calendar;
  readonly jobs: Pick<Jobs, 'list'>;
  readonly usage: Pick<Usage, 'days'>;
  readonly settings: () => Settings;
  readonly benchmark: Pick<Benchmark, 'speedsAt'>;
  readonly engine: () => EngineStatus;
  /** The served model; null where none is served. `sha256` is null while its file is unknown. */
  readonly servedModel: () => { readonly id: string; readonly sha256: string | null } | null;
  /** Offers of other providers; none where this machine does not buy. */
  readonly offers: () => readonly Pick<Offer, 'asset' | 'models'>[];
  /** Power draw of the work beyond the idle machine; null while unknown. */
  readonly workWatts: () => Watts | null;
  readonly token: Asset;
  /** False on the practice network, whose requester is our own: its demand and prices are no market. */
  readonly isMarket: boolean;
}

const HISTORY_DAYS = 14;
const JOBS_MAX = 200;
const HOUR_MS = 3_600_000;
/** A day with less observed time is not representative. */
const SEEN_MS_MIN = HOUR_MS;
const USDC_DECIMALS = 6;

/** Returns null where no model is served or the served one was not measured yet. */
export function collectFacts(sources: ForecastSources): ForecastFacts | null {
  const model = sources.servedModel();
  if (model === null) return null;
  const { prefillTokensPerSecond, decodeTokensPerSecond } = speedsAtComfort(sources, model.id);
  if (prefillTokensPerSecond === null || decodeTokensPerSecond === null) return null;
  return factsFor(sources, model, { prefillTokensPerSecond, decodeTokensPerSecond });
}

/** Facts for a model with these speeds, at the owner's intensity; `served` are the last jobs, if they were read already. */
export function factsFor(
  sources: ForecastSources,
  model: NonNullable<ReturnType<ForecastSources['servedModel']>>,
  speeds: Pick<ForecastFacts, 'prefillTokensPerSecond' | 'decodeTokensPerSecond'>,
  served = lastServed(sources),
): ForecastFacts {
  const { token, isMarket } = sources;
  const settings = sources.settings();
  return {
    model: model.id,
    ...speeds,
    ownPrice: {
      inputPerMillion: settings.priceInputPerMillion,
      outputPerMillion: settings.priceOutputPerMillion,
    },
    marketPrices:
      isMarket && model.sha256 !== null
        ? marketPrices(sources.offers(), { assetId: token.id, sha256: model.sha256 })
        : [],
    days: pastDays(sources, served),
    isMarket,
    scheduledHours: scheduledHours(settings),
    tokens: {
      read: sumOf(served.filter(isPaidWork).map(({ inputTokens }) => inputTokens)),
      written: sumOf(served.filter(isPaidWork).map(({ outputTokens }) => outputTokens)),
    },
    watts: sources.workWatts(),
    powerPriceMicroUsd: settings.onlyOffPeakHours
      ? (settings.offPeakPowerPriceMicroUsd ?? settings.powerPriceMicroUsd)
      : settings.powerPriceMicroUsd,
    // Practice money is worth nothing, while electricity costs real money.
    isMicroUsd: token.symbol === 'USDC' && token.decimals === USDC_DECIMALS && !token.practice,
  };
}

/** Returns the jobs that facts are taken from, newest first. */
export function lastServed({ jobs }: Pick<ForecastSources, 'jobs'>): readonly Job[] {
  return jobs.list({ side: 'sold', outcome: 'served', limit: JOBS_MAX }).jobs;
}

/** Another machine computes what the storefront sells; the AI Horde and Bittensor's hotkeys pay no money. */
function isPaidWork({ peer }: Job): boolean {
  return !isVisitor(peer) && !isHordePeer(peer) && !isHotkeyPeer(peer);
}

/** Speeds of the loaded configuration, or of the last measured one. A throttle is temporary and left out. */
function speedsAtComfort({ engine, settings, benchmark }: ForecastSources, modelId: string) {
  const status = engine();
  const { backend, threads } = status.state === 'ready' ? status.loaded : { backend: null, threads: null };
  const { dutyPercent } = comfortLimits(settings().comfort);
  return benchmark.speedsAt({ modelId, backend, threads }, dutyPercent);
}

/** Returns finished days with the time in which at least one job was running, oldest first. */
function pastDays({ clock, calendar, usage }: ForecastSources, served: readonly Job[]): PastDay[] {
  const today = calendar.day(clock.now());
  const busyMs = new Map<string, number>();
  for (const { startedAtMs, endedAtMs } of served.filter(isPaidWork)) {
    if (startedAtMs === null || endedAtMs === null) continue;
    const day = calendar.day(startedAtMs);
    // Negative if the clock was set back meanwhile.
    busyMs.set(day, (busyMs.get(day) ?? 0) + Math.max(0, endedAtMs - startedAtMs));
  }
  // Jobs older than the list reaches would make their days look idle.
  const oldest = served.length < JOBS_MAX ? '' : calendar.day(served.at(-1)?.createdAtMs ?? clock.now());
  return usage
    .days(HISTORY_DAYS)
    .filter(({ day, seenMs }) => day < today && day > oldest && seenMs >= SEEN_MS_MIN)
    .map(({ day, freeMs }) => ({
      freeHours: freeMs / HOUR_MS,
      busyHours: (busyMs.get(day) ?? 0) / HOUR_MS,
    }));
}

/** Hours per day that schedule and off-peak hours both permit, averaged over the week. */
function scheduledHours(settings: Settings): number {
  let hours = 0;
  for (let weekday = 0; weekday < 7; weekday += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      const place = { weekday, hour };
      if (settings.scheduleOn && !isOn(settings.schedule, place)) continue;
      if (settings.onlyOffPeakHours && !isOn(settings.offPeakHours, place)) continue;
      hours += 1;
    }
  }
  return hours / 7;
}

function sumOf(values: readonly (number | null)[]): number {
  return values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
}
