/** Costs of a period and the rest: unknown, with the reason, where a price or a sensor is missing. */
import type { ReactNode } from 'react';
import type { EarningsOverview } from '../../shared/api/contract.ts';
import { writeMicroUsd, writeNumber, writePercent } from '../format.ts';
import { useAmountText } from '../parts/amount.tsx';
import { useEnergyText } from '../parts/energy.ts';
import { Fact, Unknown } from '../parts/fact.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { useSection } from '../store.ts';

const KILO = 1_000;
/** Below this share of the time the energy is marked as measured in part. */
const MOSTLY_PERCENT = 95;

export function Costs({ overview: { totals, days } }: { overview: EarningsOverview }) {
  const { t } = useStrings();
  const usd = useUsdText();
  return (
    <dl className="figs">
      <Figure label={t('earnings.electricity')} note={<EnergyNote totals={totals} today={days.at(-1)} />}>
        {totals.powerMicroUsd === null ? (
          <Unknown about={t(totals.wattHours === null ? 'earnings.noSensor' : 'earnings.noPrice')} />
        ) : (
          <Fact about={t(totals.isEstimated ? 'earnings.energyEstimatedWhat' : 'earnings.energyWhat')}>
            {usd(totals.powerMicroUsd)}
          </Fact>
        )}
      </Figure>
      <Figure label={t('earnings.fees')} note={<FeesNote totals={totals} />}>
        {totals.feesMicroUsd === null ? <NoFees totals={totals} /> : usd(totals.feesMicroUsd)}
      </Figure>
      <Figure label={t('earnings.left')} note={null} isResult>
        {totals.netMicroUsd === null ? <NoNet totals={totals} /> : usd(totals.netMicroUsd)}
      </Figure>
    </dl>
  );
}

function Figure(props: { label: string; note: ReactNode; isResult?: boolean; children: ReactNode }) {
  return (
    <div className={props.isResult ? 'is-result' : undefined}>
      <dt className="label">{props.label}</dt>
      <dd className="mid-num">{props.children}</dd>
      {props.note ? <dd className="sm soft">{props.note}</dd> : null}
    </div>
  );
}

/** Energy of the period, and of its last day, which is today. */
function EnergyNote(props: {
  totals: EarningsOverview['totals'];
  today: EarningsOverview['days'][number] | undefined;
}) {
  const { t } = useStrings();
  const usd = useUsdText();
  const energyText = useEnergyText();
  if (props.totals.wattHours === null) return null;
  const { wattHours = null, powerMicroUsd = null } = props.today ?? {};
  return (
    <>
      <PeriodEnergy totals={props.totals} />
      {wattHours === null ? null : (
        <span className="figs-more">
          {powerMicroUsd === null
            ? t('earnings.energyToday', { energy: energyText(wattHours) })
            : t('earnings.energyTodayCost', { energy: energyText(wattHours), cost: usd(powerMicroUsd) })}
        </span>
      )}
    </>
  );
}

function PeriodEnergy({ totals }: { totals: EarningsOverview['totals'] }) {
  const { t, language } = useStrings();
  const { powerPriceMicroUsd } = useSection('settings');
  if (totals.wattHours === null) return null;
  const measured = t('earnings.energy', { energy: writeNumber(totals.wattHours / KILO, language, 3) });
  const energy = totals.isEstimated ? t('earnings.energyEstimated', { energy: measured }) : measured;
  if (powerPriceMicroUsd === null) {
    return (
      <>
        {energy} · <a href={hrefTo('schedule')}>{t('earnings.enterPrice')}</a>
      </>
    );
  }
  const percent = totals.measuredPercent ?? 0;
  if (percent >= MOSTLY_PERCENT) return energy;
  return t('earnings.energyPart', { energy, percent: writePercent(percent, language) });
}

function FeesNote({ totals }: { totals: EarningsOverview['totals'] }) {
  const { coin } = useSection('money');
  const amountText = useAmountText();
  return totals.feesCoin === '0' ? null : amountText(totals.feesCoin, coin);
}

/** Practice fees cost practice coins, which have no price. */
function NoFees({ totals }: { totals: EarningsOverview['totals'] }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  if (asset.practice && totals.feesCoin === '0') return '0';
  return <Unknown about={t(asset.practice ? 'earnings.practiceFees' : 'earnings.noCoinPrice')} />;
}

function NoNet({ totals }: { totals: EarningsOverview['totals'] }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  if (asset.practice) return <Unknown about={t('earnings.practiceNet')} />;
  const reason =
    totals.powerMicroUsd === null
      ? totals.wattHours === null
        ? 'earnings.noSensor'
        : 'earnings.noPrice'
      : 'earnings.noCoinPrice';
  return <Unknown about={t(reason)} />;
}

/** Writes millionths of a US dollar in the owner's currency if a rate is known. */
function useUsdText(): (microUsd: number) => string {
  const { language } = useStrings();
  const { rate } = useSection('money');
  return (microUsd) => writeMicroUsd(microUsd, rate, language);
}
