/**
 * Chart of the earnings by day or month, with the part that electricity took, and of what coming days are expected to bring.
 * A table with the same numbers is below.
 */
import { useState } from 'react';
import type { ComingDays, EarningsOverview } from '../../shared/api/contract.ts';
import { writeDay, writeMonth, writeNumber } from '../format.ts';
import { Amount, useMoneyText } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { useComing } from '../parts/forecast.ts';
import { useStrings } from '../parts/strings.ts';
import { Table } from '../parts/table.tsx';
import { useSection } from '../store.ts';
import { daysLeft, placesOf, type Span } from './earnings-periods.ts';

interface Bar {
  /** `YYYY-MM-DD`, or `YYYY-MM` for a month. */
  readonly key: string;
  readonly earned: bigint;
  readonly jobs: number;
  readonly feesCoin: bigint;
  /** Null if nothing was measured. */
  readonly powerMicroUsd: number | null;
  readonly wattHours: number | null;
  /** Null for today and earlier days, and where nothing can be expected. */
  readonly expected: bigint | null;
}

const NOTHING: Omit<Bar, 'key'> = {
  earned: 0n,
  jobs: 0,
  feesCoin: 0n,
  powerMicroUsd: null,
  wattHours: null,
  expected: null,
};
const MONTH_CHARACTERS = 'YYYY-MM'.length;
/** Labels below the chart, at most. */
const LABELS = 7;
/** So few bars are as wide as their labels. */
const ROOMY_BARS_MAX = 12;
const LINES = 4;

export function EarningsChart({ days, span }: { days: EarningsOverview['days']; span: Span }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const [isTable, setIsTable] = useState(false);
  const isByMonth = span === 'year';
  const today = days.at(-1)?.day ?? '';
  const { isLoading, coming } = useComing(isByMonth || today === '' ? 1 : daysLeft(span, today));
  const bars = barsOf(span, days, isByMonth ? null : coming);
  const top = niceTop(
    bars.reduce((max, { earned, expected }) => maxOf(max, maxOf(earned, expected ?? 0n)), 0n),
  );
  const write = (key: string) => (isByMonth ? writeMonth(key, language) : writeDay(key, language));
  const every = Math.ceil(bars.length / LABELS);
  return (
    <>
      <div className={asset.practice ? 'earnings-plot is-practice-chart' : 'earnings-plot'}>
        <div className="earnings-scale" aria-hidden="true">
          {Array.from({ length: LINES }, (_, line) => (
            <span key={line}>
              {moneyText(((top * BigInt(LINES - 1 - line)) / BigInt(LINES - 1)).toString(), asset)}
            </span>
          ))}
        </div>
        <div className="earnings-bars" role="img" aria-label={t('earnings.chart', { count: bars.length })}>
          {bars.map((bar) => (
            <BarBox
              key={bar.key}
              bar={bar}
              top={top}
              isNow={today.startsWith(bar.key)}
              isPractice={asset.practice}
            />
          ))}
        </div>
        <div
          className={bars.length <= ROOMY_BARS_MAX ? 'earnings-days is-roomy' : 'earnings-days'}
          aria-hidden="true"
        >
          {bars.map((bar, index) =>
            index % every === 0 ? (
              <span
                key={bar.key}
                className={index === bars.length - 1 ? 'is-last' : undefined}
                style={{ insetInlineStart: `${((index + 0.5) / bars.length) * 100}%` }}
              >
                {write(bar.key)}
              </span>
            ) : null,
          )}
        </div>
      </div>
      <div className="earnings-legend">
        <Key
          isAhead={!isLoading && !isByMonth && bars.some(({ key }) => key > today)}
          pastDays={coming?.pastDays ?? null}
        />
        <ActionButton kind="quiet" isSmall onPress={() => setIsTable(!isTable)}>
          {t(isTable ? 'earnings.hideTable' : 'earnings.asTable')}
        </ActionButton>
      </div>
      {isTable ? <DayTable bars={bars} today={today} write={write} isByMonth={isByMonth} /> : null}
    </>
  );
}

/** Explains the bars; where coming days have none, it gives the reason. `pastDays`: null where nothing can be expected. */
function Key(props: { isAhead: boolean; pastDays: number | null }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  return (
    <p className="key">
      <span>
        <i className={asset.practice ? 'is-practice' : 'is-earned'} />
        {t('earnings.earned')}
      </span>
      {asset.practice ? null : (
        <span>
          <i className="is-cost" />
          {t('earnings.ofItElectricity')}
        </span>
      )}
      {!props.isAhead ? null : props.pastDays === null ? (
        <span>{t('earnings.noForecast')}</span>
      ) : (
        <span>
          <i className="is-expected" />
          <Fact about={t('earnings.expectedBasis', { count: props.pastDays })}>{t('day.expected')}</Fact>
        </span>
      )}
    </p>
  );
}

/** Electricity is part of real earnings; practice money can't pay for it. */
function BarBox({
  bar,
  top,
  isNow,
  isPractice,
}: {
  bar: Bar;
  top: bigint;
  isNow: boolean;
  isPractice: boolean;
}) {
  const earned = Number(bar.earned) / Number(top);
  const cost = isPractice || bar.powerMicroUsd === null ? 0 : bar.powerMicroUsd / Number(top);
  const percent = (share: number) => `${(Math.min(1, share) * 100).toFixed(2)}%`;
  if (bar.expected !== null) {
    return (
      <div>
        <i className="bar is-expected" style={{ blockSize: percent(Number(bar.expected) / Number(top)) }} />
      </div>
    );
  }
  return (
    <div>
      <i className={isNow ? 'bar is-now' : 'bar'} style={{ blockSize: percent(earned) }} />
      {cost > 0 ? <i className="bar is-cost" style={{ blockSize: percent(Math.min(cost, earned)) }} /> : null}
    </div>
  );
}

function DayTable(props: {
  bars: readonly Bar[];
  today: string;
  write: (key: string) => string;
  isByMonth: boolean;
}) {
  const { t, language } = useStrings();
  const { asset, coin } = useSection('money');
  return (
    <Table
      label={t('earnings.byDay')}
      rows={props.bars.filter(({ key, expected }) => key <= props.today || expected !== null).reverse()}
      rowKey={(row) => row.key}
      columns={[
        {
          key: 'day',
          head: t(props.isByMonth ? 'earnings.month' : 'earnings.day'),
          fold: 1,
          cell: (row) => props.write(row.key),
        },
        {
          key: 'jobs',
          head: t('nav.jobs'),
          isNumber: true,
          fold: 3,
          cell: (row) => (row.expected === null ? writeNumber(row.jobs, language) : t('day.expected')),
        },
        {
          key: 'energy',
          head: t('earnings.electricity'),
          isNumber: true,
          isOptional: true,
          cell: (row) =>
            row.expected !== null ? null : row.wattHours === null ? (
              <Unknown about={t('earnings.noSensor')} />
            ) : (
              t('earnings.wattHours', { value: writeNumber(row.wattHours, language, 1) })
            ),
        },
        {
          key: 'fees',
          head: t('earnings.fees'),
          isNumber: true,
          fold: 4,
          cell: (row) =>
            row.expected === null ? (
              <Amount baseUnits={row.feesCoin.toString()} asset={coin} isExact />
            ) : null,
        },
        {
          key: 'earned',
          head: t('earnings.earned'),
          isNumber: true,
          fold: 2,
          cell: (row) => <Amount baseUnits={(row.expected ?? row.earned).toString()} asset={asset} />,
        },
      ]}
    />
  );
}

/** One bar for each place of the period, also for those that are still to come. */
function barsOf(span: Span, days: EarningsOverview['days'], coming: ComingDays | null): readonly Bar[] {
  const today = days.at(-1)?.day;
  if (today === undefined) return [];
  const expected = new Map(coming?.days.map((each) => [each.day, BigInt(each.expected)]));
  const bars = new Map(
    placesOf(span, today).map((key): [string, Bar] => [
      key,
      { ...NOTHING, key, expected: key > today ? (expected.get(key) ?? null) : null },
    ]),
  );
  const add = (one: number | null, other: number | null) =>
    one === null && other === null ? null : (one ?? 0) + (other ?? 0);
  for (const day of days) {
    const key = span === 'year' ? day.day.slice(0, MONTH_CHARACTERS) : day.day;
    const sum = bars.get(key) ?? NOTHING;
    bars.set(key, {
      key,
      earned: sum.earned + BigInt(day.earned),
      jobs: sum.jobs + day.jobs,
      feesCoin: sum.feesCoin + BigInt(day.feesCoin),
      powerMicroUsd: add(sum.powerMicroUsd, day.powerMicroUsd),
      wattHours: add(sum.wattHours, day.wattHours),
      expected: null,
    });
  }
  return [...bars.values()];
}

function maxOf(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

/** The smallest of 1.5, 3, 6 or 9 times a power of ten that isn't below the largest bar, so that three lines divide it. */
function niceTop(most: bigint): bigint {
  for (let scale = 1n; ; scale *= 10n) {
    for (const step of [3n, 6n, 9n, 15n]) if (step * scale >= most) return step * scale;
  }
}
