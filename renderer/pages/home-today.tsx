/** Today: the one amount of Home, what a day could bring, and the hours. */
import type { RestOfToday } from '../../shared/api/contract.ts';
import type { Forecast, ForecastScore } from '../../shared/forecast.ts';
import { useAnswer } from '../calls.ts';
import { writeMicroUsd, writeNumber } from '../format.ts';
import { Amount, useAmountText, useMoneyText } from '../parts/amount.tsx';
import { Day, DayKey } from '../parts/day.tsx';
import { useEnergyText } from '../parts/energy.ts';
import { Fact } from '../parts/fact.tsx';
import { useForecast } from '../parts/forecast.ts';
import { useNow, useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

const REFRESH_MS = 60_000;

export function Today() {
  const { t } = useStrings();
  const { asset, earnedToday } = useSection('money');
  const { jobsToday } = useSection('work');
  const exactText = useAmountText();
  const moneyText = useMoneyText();
  const nowMs = useNow(REFRESH_MS);
  const key = `today ${String(Math.floor(nowMs / REFRESH_MS))} ${earnedToday === '0' ? '' : 'earned'}`;
  const { data } = useAnswer(key, () => agent.earnings.today({}));
  const hours = data?.hours ?? [];
  const rest = data?.rest ?? null;
  return (
    <section className="card pad today" aria-labelledby="home-today">
      <div className="today-top">
        <div>
          <h2 id="home-today" className="label">
            {t('home.today')}
          </h2>
          <p className="today-amount">
            <Amount baseUnits={earnedToday} asset={asset} size="hero" about={t('source.ledger')} />
          </p>
          <p className="sm soft">
            {exactText(earnedToday, asset)}
            <Electricity />
            <span className="opt"> · {t('home.jobsToday', { count: jobsToday.served })}</span>
          </p>
        </div>
        {rest === null ? <DayForecast /> : <OnTrack rest={rest} />}
      </div>
      <Day
        hours={hours.map(({ earned, expected, ...hour }) => ({
          ...hour,
          value: Number(earned),
          expected: expected === null ? null : Number(expected),
        }))}
        nowMs={nowMs}
        isPractice={asset.practice}
        label={t('day.label')}
        writeValue={(value) => moneyText(String(Math.round(value)), asset)}
      />
      <DayKey isPractice={asset.practice} hasExpected={rest !== null} />
    </section>
  );
}

/**
 * Today's electricity where the power draw is known: what is left after it and fees, if both have a price, else the energy
 * itself. Practice money pays no bill.
 */
function Electricity() {
  const { t, language } = useStrings();
  const { asset, rate } = useSection('money');
  const moneyText = useMoneyText();
  const energyText = useEnergyText();
  const nowMs = useNow(REFRESH_MS);
  const key = `net ${String(Math.floor(nowMs / REFRESH_MS))}`;
  const { data } = useAnswer(key, () => agent.earnings.overview({ period: 'today' }));
  if (data === null || data.totals.wattHours === null) return null;
  const { netMicroUsd, wattHours, powerMicroUsd, isEstimated } = data.totals;
  const energy = energyText(wattHours);
  const used =
    powerMicroUsd === null
      ? t('home.electricity', { energy })
      : t('home.electricityCost', { energy, cost: writeMicroUsd(powerMicroUsd, rate, language) });
  const about = t(isEstimated ? 'earnings.energyEstimatedWhat' : 'earnings.energyWhat');
  return (
    <span className="opt">
      {' · '}
      {netMicroUsd === null || asset.practice ? (
        <Fact about={about}>{used}</Fact>
      ) : (
        <Fact about={`${used}. ${about}`}>
          {t('home.afterElectricity', { amount: moneyText(String(netMicroUsd), asset) })}
        </Fact>
      )}
    </span>
  );
}

/** Earnings with which today is expected to end: its earnings so far and the coming hours. */
function OnTrack({ rest }: { rest: RestOfToday }) {
  const { t } = useStrings();
  const { asset, earnedToday } = useSection('money');
  const moneyText = useMoneyText();
  const withEarned = (more: string) => moneyText(String(BigInt(earnedToday) + BigInt(more)), asset);
  return (
    <div className="today-forecast">
      <p className="label">{t('onTrack.title')}</p>
      <p className={asset.practice ? 'mid-num is-practice' : 'mid-num'}>
        <Fact about={t('onTrack.basis', { count: rest.days })}>{withEarned(rest.expected)}</Fact>
      </p>
      <p className="sm soft">
        {t('onTrack.likely', { low: withEarned(rest.low), high: withEarned(rest.high) })}
      </p>
    </div>
  );
}

/** The forecast for a day with its basis; without a measured speed, the reason why there is none. */
function DayForecast() {
  const { t } = useStrings();
  const { benchmark } = useSection('machine');
  const data = useForecast();
  if (data === null) return <div className="today-forecast" />;
  const { forecast, scores } = data;
  return (
    <div className="today-forecast">
      <p className="label">{t('forecast.title')}</p>
      {forecast === null ? (
        <>
          <p className="mid-num">{t('common.unknown')}</p>
          <p className="sm soft">
            {t(benchmark.state === 'running' ? 'forecast.measuring' : 'forecast.missing')}
          </p>
        </>
      ) : (
        <ForecastRange forecast={forecast} scores={scores} />
      )}
    </div>
  );
}

function ForecastRange({ forecast, scores }: { forecast: Forecast; scores: readonly ForecastScore[] }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const basis = useBasis(forecast, scores);
  const { earned, net } = forecast;
  return (
    <>
      <p className={asset.practice ? 'mid-num is-practice' : 'mid-num'}>
        <Fact about={basis}>{t('forecast.upTo', { amount: moneyText(earned.high, asset) })}</Fact>
      </p>
      <p className="sm soft">
        {asset.practice
          ? t('forecast.practice')
          : net === null
            ? t('forecast.atLeast', { amount: moneyText(earned.low, asset) })
            : t('forecast.afterPower', { amount: moneyText(net.high, asset) })}
      </p>
    </>
  );
}

/** Writes the basis of a forecast and the scores of earlier ones in sentences. */
function useBasis({ basis }: Forecast, scores: readonly ForecastScore[]): string {
  const { t, language } = useStrings();
  const number = (value: number) => writeNumber(value, language, value < 10 ? 1 : 0);
  const percent = (share: number) => writeNumber(share * 100, language);
  const within = scores.filter(
    ({ earned, came }) => BigInt(came) >= BigInt(earned.low) && BigInt(came) <= BigInt(earned.high),
  ).length;
  return [
    t('forecast.speed', {
      prefill: number(basis.prefillTokensPerSecond),
      decode: number(basis.decodeTokensPerSecond),
    }),
    t(`forecast.price.${basis.price}`, { count: basis.offers }),
    t(`forecast.hours.${basis.hours.from}`, { low: number(basis.hours.low), high: number(basis.hours.high) }),
    t(`forecast.use.${basis.use.from}`, { low: percent(basis.use.low), high: percent(basis.use.high) }),
    t(`forecast.mix.${basis.readPerWritten.from}`, {
      low: number(basis.readPerWritten.low),
      high: number(basis.readPerWritten.high),
    }),
    basis.watts === null
      ? t('forecast.noWatts')
      : t(`forecast.watts.${basis.watts.source}`, { watts: number(basis.watts.value) }),
    basis.watts !== null && basis.powerPriceMicroUsd === null ? t('forecast.noPowerPrice') : null,
    t('forecast.oneAtATime'),
    scores.length === 0 ? t('forecast.noScore') : t('forecast.score', { count: scores.length, within }),
  ]
    .filter((sentence) => sentence !== null)
    .join(' ');
}
