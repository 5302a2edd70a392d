/** Chart of the earnings by day or month, with the part that electricity took. A table with the same numbers is below. */
import { useState } from 'react';
import type { EarningsOverview } from '../../shared/api/contract.ts';
import { writeDay, writeMonth, writeNumber } from '../format.ts';
import { Amount, useMoneyText } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Unknown } from '../parts/fact.tsx';
import { useStrings } from '../parts/strings.ts';
import { Table } from '../parts/table.tsx';
import { useSection } from '../store.ts';

interface Bar {
  /** `YYYY-MM-DD`, or `YYYY-MM` for a month. */
  readonly key: string;
  readonly earned: bigint;
  readonly jobs: number;
  readonly feesCoin: bigint;
  /** Null if nothing was measured. */
  readonly powerMicroUsd: number | null;
  readonly wattHours: number | null;
}

const MONTH_CHARACTERS = 'YYYY-MM'.length;
/** Labels below the chart, at most. */
const LABELS = 6;
const LINES = 4;

export function EarningsChart(props: { days: EarningsOverview['days']; isByMonth: boolean }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const [isTable, setIsTable] = useState(false);
  const bars = barsOf(props.days, props.isByMonth);
  const most = bars.reduce((max, bar) => (bar.earned > max ? bar.earned : max), 0n);
  const top = niceTop(most);
  const write = (key: string) => (props.isByMonth ? writeMonth(key, language) : writeDay(key, language));
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
          {bars.map((bar, index) => (
            <BarBox
              key={bar.key}
              bar={bar}
              top={top}
              isLast={index === bars.length - 1}
              isPractice={asset.practice}
            />
          ))}
        </div>
        <div className="earnings-days" aria-hidden="true">
          {bars.map((bar, index) =>
            index % every === 0 ? (
              <span key={bar.key} style={{ insetInlineStart: `${((index + 0.5) / bars.length) * 100}%` }}>
                {write(bar.key)}
              </span>
            ) : null,
          )}
        </div>
      </div>
      <div className="earnings-legend">
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
        </p>
        <ActionButton kind="quiet" isSmall onPress={() => setIsTable(!isTable)}>
          {t(isTable ? 'earnings.hideTable' : 'earnings.asTable')}
        </ActionButton>
      </div>
      {isTable ? <DayTable bars={bars} write={write} isByMonth={props.isByMonth} /> : null}
    </>
  );
}

/** Electricity is part of real earnings; practice money can't pay for it. */
function BarBox({
  bar,
  top,
  isLast,
  isPractice,
}: {
  bar: Bar;
  top: bigint;
  isLast: boolean;
  isPractice: boolean;
}) {
  const earned = Number(bar.earned) / Number(top);
  const cost = isPractice || bar.powerMicroUsd === null ? 0 : bar.powerMicroUsd / Number(top);
  const percent = (share: number) => `${(Math.min(1, share) * 100).toFixed(2)}%`;
  return (
    <div>
      <i className={isLast ? 'bar is-now' : 'bar'} style={{ blockSize: percent(earned) }} />
      {cost > 0 ? <i className="bar is-cost" style={{ blockSize: percent(Math.min(cost, earned)) }} /> : null}
    </div>
  );
}

function DayTable(props: { bars: readonly Bar[]; write: (key: string) => string; isByMonth: boolean }) {
  const { t, language } = useStrings();
  const { asset, coin } = useSection('money');
  return (
    <Table
      label={t('earnings.byDay')}
      rows={[...props.bars].reverse()}
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
          cell: (row) => writeNumber(row.jobs, language),
        },
        {
          key: 'energy',
          head: t('earnings.electricity'),
          isNumber: true,
          isOptional: true,
          cell: (row) =>
            row.wattHours === null ? (
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
          cell: (row) => <Amount baseUnits={row.feesCoin.toString()} asset={coin} isExact />,
        },
        {
          key: 'earned',
          head: t('earnings.earned'),
          isNumber: true,
          fold: 2,
          cell: (row) => <Amount baseUnits={row.earned.toString()} asset={asset} />,
        },
      ]}
    />
  );
}

function barsOf(days: EarningsOverview['days'], isByMonth: boolean): readonly Bar[] {
  const bars = new Map<string, Bar>();
  const add = (one: number | null, other: number | null) =>
    one === null && other === null ? null : (one ?? 0) + (other ?? 0);
  for (const day of days) {
    const key = isByMonth ? day.day.slice(0, MONTH_CHARACTERS) : day.day;
    const sum = bars.get(key);
    bars.set(key, {
      key,
      earned: (sum?.earned ?? 0n) + BigInt(day.earned),
      jobs: (sum?.jobs ?? 0) + day.jobs,
      feesCoin: (sum?.feesCoin ?? 0n) + BigInt(day.feesCoin),
      powerMicroUsd: add(sum?.powerMicroUsd ?? null, day.powerMicroUsd),
      wattHours: add(sum?.wattHours ?? null, day.wattHours),
    });
  }
  return [...bars.values()];
}

/** The smallest of 1.5, 3, 6 or 9 times a power of ten that isn't below the largest bar, so that three lines divide it. */
function niceTop(most: bigint): bigint {
  for (let scale = 1n; ; scale *= 10n) {
    for (const step of [3n, 6n, 9n, 15n]) if (step * scale >= most) return step * scale;
  }
}
