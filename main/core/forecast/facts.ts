/** The forecast's facts, gathered from the parts that own them. */
import type { Profile } from '../../shared/api/state.ts';
import { comfortLimits } from '../../shared/comfort.ts';
import { isOn } from '../../shared/week.ts';
import {
  createForecasts,
  createWattsMeter,
  type ForecastFacts,
  type ForecastService,
  marketPrices,
} from '../core/forecast/index.ts';
import type { Directory } from '../core/network/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Foundation } from './foundation.ts';
import type { Money } from './money.ts';
import type { openSelling } from './selling.ts';

const HISTORY_DAYS = 14;
const JOBS = 200;
const HOUR_MS = 3_600_000;
/** A day of which little was seen says nothing about days. */
const SEEN_MS_MIN = HOUR_MS;

export function openForecasting(parts: {
  readonly profile: Profile;
  readonly clock: Clock;
  readonly foundation: Foundation;
  readonly money: Money;
  readonly selling: ReturnType<typeof openSelling>;
  /** Where others' offers are seen; null where nothing is bought. */
  readonly directory: Pick<Directory, 'providers'> | null;
  readonly onClose: (close: () => void) => void;
}): ForecastService {
  const { profile, clock, foundation, money, selling, directory, onClose } = parts;
  const { calendar, records, settings, usage, jobs, ledger, presence } = foundation;
  const { token, coin } = money.chain;
  // Practice customers are ours: they are no market, and their prices none.
  const isMarket = profile !== 'practice';
  const meter = createWattsMeter({
    clock,
    records,
    watts: () => presence.readings().watts?.value ?? null,
    state: () => {
      if (selling.provider.active().length > 0) return 'working';
      return selling.engine.status().state === 'stopped' ? 'resting' : 'between';
    },
  });
  const forecasts = createForecasts({
    clock,
    calendar,
    records,
    facts,
    earnedByDay: (days) => ledger.earningsByDay(token.id, coin.id, days),
  });
  onClose(() => {
    meter.stop();
    forecasts.stop();
  });
  return forecasts;

  function facts(): ForecastFacts | null {
    const model = selling.servedModel();
    if (model === null) return null;
    const { prefillTokensPerSecond, decodeTokensPerSecond } = speedsWithinComfort(model);
    if (prefillTokensPerSecond === null || decodeTokensPerSecond === null) return null;
    const chosen = settings.get();
    const { priceInputPerMillion, priceOutputPerMillion } = chosen;
    const served = jobs.list({ side: 'sold', outcome: 'served', limit: JOBS }).jobs;
    const sum = (values: readonly (number | null)[]) =>
      values.reduce<number>((total, value) => total + (value ?? 0), 0);
    return {
      model,
      prefillTokensPerSecond,
      decodeTokensPerSecond,
      ownPrice: { inputPerMillion: priceInputPerMillion, outputPerMillion: priceOutputPerMillion },
      marketPrices: isMarket ? pricesOfOthers(model) : [],
      days: days(served),
      isMarket,
      scheduledHours: hoursOf(chosen),
      tokens: {
        read: sum(served.map(({ inputTokens }) => inputTokens)),
        written: sum(served.map(({ outputTokens }) => outputTokens)),
      },
      watts: meter.extra(),
      powerPriceMicroUsd: chosen.onlyOffPeakHours
        ? (chosen.offPeakPowerPriceMicroUsd ?? chosen.powerPriceMicroUsd)
        : chosen.powerPriceMicroUsd,
      // Practice money is worth nothing, and power is real.
      isMicroUsd: token.symbol === 'USDC' && token.decimals === 6 && !token.practice,
    };
  }

  /** By what is loaded, or was measured last; a throttle passes and says nothing of a day. */
  function speedsWithinComfort(modelId: string) {
    const status = selling.engine.status();
    const { backend, threads } = status.state === 'ready' ? status.loaded : { backend: null, threads: null };
    const { dutyPercent } = comfortLimits(settings.get().comfort);
    return selling.benchmark.speedsAt({ modelId, backend, threads }, dutyPercent);
  }

  function pricesOfOthers(modelId: string) {
    const sha256 = selling.models.list().find(({ id }) => id === modelId)?.sha256 ?? null;
    const offers = directory?.providers().map(({ offer }) => offer) ?? [];
    return sha256 === null ? [] : marketPrices(offers, { assetId: token.id, sha256 });
  }

  /** Days that are over, with the time in which one job or more was at work. */
  function days(served: ReturnType<typeof jobs.list>['jobs']): ForecastFacts['days'] {
    const today = calendar.day(clock.now());
    const busyMs = new Map<string, number>();
    for (const { startedAtMs, endedAtMs } of served) {
      if (startedAtMs === null || endedAtMs === null) continue;
      const day = calendar.day(startedAtMs);
      busyMs.set(day, (busyMs.get(day) ?? 0) + (endedAtMs - startedAtMs));
    }
    // Jobs further back than the list reaches would make their days look idle.
    const oldest = served.length < JOBS ? '' : calendar.day(served.at(-1)?.createdAtMs ?? clock.now());
    return usage
      .days(HISTORY_DAYS)
      .filter(({ day, seenMs }) => day < today && day > oldest && seenMs >= SEEN_MS_MIN)
      .map(({ day, freeMs }) => ({
        freeHours: freeMs / HOUR_MS,
        busyHours: (busyMs.get(day) ?? 0) / HOUR_MS,
      }));
  }
}

/** Hours a day in which schedule and tariff both let us run, on average over the week. */
function hoursOf(chosen: ReturnType<Foundation['settings']['get']>): number {
  let hours = 0;
  for (let weekday = 0; weekday < 7; weekday += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      const place = { weekday, hour };
      if (chosen.scheduleOn && !isOn(chosen.schedule, place)) continue;
      if (chosen.onlyOffPeakHours && !isOn(chosen.offPeakHours, place)) continue;
      hours += 1;
    }
  }
  return hours / 7;
}
