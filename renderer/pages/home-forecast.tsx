/** Home: the forecast for one day, how it is estimated, and how earlier forecasts did. */
import type { Forecast, ForecastScore } from '../../shared/forecast.ts';
import { useAnswer } from '../calls.ts';
import { writeAmount, writeNumber } from '../format.ts';
import { Amount } from '../parts/amount.tsx';
import { Fact, Figure, Unknown } from '../parts/fact.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

export function DayForecast() {
  const { t } = useStrings();
  const { benchmark } = useSection('machine');
  const { comfort } = useSection('settings');
  const { data } = useAnswer(`forecast ${String(benchmark.atMs)} ${String(comfort)}`, () =>
    agent.earnings.forecast({}),
  );
  if (data === null) return null;
  const { forecast, scores } = data;
  return (
    <section aria-labelledby="home-forecast">
      <h2 id="home-forecast">{t('forecast.title')}</h2>
      {forecast === null ? <p>{t('forecast.notMeasured')}</p> : <ForecastFigures forecast={forecast} />}
      <Scores scores={scores} />
    </section>
  );
}

function ForecastFigures({ forecast }: { forecast: Forecast }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const { basis, earned, power, net } = forecast;
  const range = ({ low, high }: { low: string; high: string }) => (
    <>
      {t('forecast.between', { low: writeAmount(low, asset.decimals, language).text })}{' '}
      <Amount baseUnits={high} asset={asset} isPlain />
    </>
  );
  const number = (value: number) => writeNumber(value, language);
  const percent = (share: number) => number(share * 100);
  const basisTexts = [
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
      : t(basis.powerPriceMicroUsd === null ? 'forecast.noPowerPrice' : 'forecast.watts', {
          watts: number(basis.watts),
        }),
  ];
  return (
    <>
      <dl className="figures">
        <Figure label={t('forecast.earned')} note={t('forecast.oneAtATime')}>
          <Fact about={basisTexts.join(' ')}>{range(earned)}</Fact>
        </Figure>
        <Figure label={t('forecast.power')}>
          {power === null ? <Unknown about={basisTexts.at(-1) ?? null} /> : range(power)}
        </Figure>
        <Figure label={t('forecast.net')}>
          {net === null ? <Unknown about={t('forecast.noNet')} /> : range(net)}
        </Figure>
      </dl>
      <details>
        <summary>{t('forecast.restsOn')}</summary>
        <ul>
          {basisTexts.map((each) => (
            <li key={each}>{each}</li>
          ))}
        </ul>
      </details>
    </>
  );
}

function Scores({ scores }: { scores: readonly ForecastScore[] }) {
  const { t } = useStrings();
  if (scores.length === 0) return <p className="soft">{t('forecast.noScore')}</p>;
  const within = scores.filter(
    ({ earned, came }) => BigInt(came) >= BigInt(earned.low) && BigInt(came) <= BigInt(earned.high),
  );
  return <p className="soft">{t('forecast.score', { count: scores.length, within: within.length })}</p>;
}
