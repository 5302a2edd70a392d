/** Earnings page: what a period brought and cost, where the money is, by model and device, and the ledger behind it. */
import { useState } from 'react';
import type { EarningsOverview } from '../../shared/api/contract.ts';
import { type Answer, useAnswer } from '../calls.ts';
import { writeMonthName, writeNumber } from '../format.ts';
import { Amount, ExactAmount, useMoneyText } from '../parts/amount.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { EntryList } from '../parts/entries.tsx';
import { Icon } from '../parts/icon.tsx';
import { Meter } from '../parts/meter.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Segments } from '../parts/segments.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { EarningsChart } from './earnings-chart.tsx';
import { Costs } from './earnings-costs.tsx';
import { ExportMenu } from './earnings-export.tsx';
import { SPANS, type Span } from './earnings-periods.ts';
import { BySource } from './earnings-sources.tsx';
import { WhereItIs } from './earnings-where.tsx';

export function Earnings() {
  const { t } = useStrings();
  const money = useSection('money');
  const [span, setSpan] = useState<Span>('month');
  const moneyKey = [money.earnedTotal, money.owed, money.claimed, money.received].join('|');
  const overview = useAnswer(`${span}|${moneyKey}`, () => agent.earnings.overview({ period: span }));
  return (
    <>
      <PageHead title={t('nav.earnings')}>
        <Segments
          label={t('earnings.span')}
          value={span}
          onChange={setSpan}
          options={SPANS.map((value) => ({
            value,
            label: t(`earnings.spans.${value}`),
          }))}
        />
        <ExportMenu />
      </PageHead>
      <ProblemNote problem={overview.problem} />
      <Period span={span} overview={overview} />
      <Columns>
        <div className="stack">
          <WhereItIs moneyKey={moneyKey} />
          <Entries moneyKey={moneyKey} />
        </div>
        <div className="stack">
          <BySource overview={overview.data} />
          <Shares overview={overview.data} kind="models" />
          <Shares overview={overview.data} kind="devices" />
        </div>
      </Columns>
    </>
  );
}

/** The page's one amount, its costs, and the chart of its days. */
function Period({ span, overview }: { span: Span; overview: Answer<EarningsOverview> }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const { data } = overview;
  const title = usePeriodName(span, data?.days.at(-1)?.day);
  return (
    <Card label={title} isPadded>
      <div className="earnings-head">
        <div>
          <h2 className="label">{title}</h2>
          <p className="earnings-hero">
            <Amount
              baseUnits={data?.totals.earned ?? null}
              asset={asset}
              size="hero"
              about={t('source.ledger')}
            />
          </p>
          {data ? <ExactAmount baseUnits={data.totals.earned} asset={asset} /> : null}
        </div>
        {data ? <Costs overview={data} /> : null}
      </div>
      {data ? <EarningsChart days={data.days} span={span} /> : <div className="earnings-plot" />}
    </Card>
  );
}

/** Names a period by the month or year that `today` is in; before that is known, as this month or year. */
function usePeriodName(span: Span, today: string | undefined): string {
  const { t, language } = useStrings();
  if (today === undefined || span === 'week') return t(`earnings.period.${span}`);
  return span === 'year' ? today.slice(0, 'YYYY'.length) : writeMonthName(today, language);
}

const ROWS_SHOWN = 6;

/** Earnings by model or by device, the highest first, with their share. */
function Shares({ overview, kind }: { overview: EarningsOverview | null; kind: 'models' | 'devices' }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const modelName = useModelName();
  const rows =
    overview === null
      ? []
      : kind === 'models'
        ? overview.models.map((row) => ({ ...row, key: row.model, name: modelName(row.model) }))
        : overview.devices.map((row) => ({
            ...row,
            key: `${row.device ?? ''} ${String(row.several)}`,
            name: row.device ?? t(row.several ? 'earnings.severalDevices' : 'earnings.noDevice'),
          }));
  const most = rows.reduce((max, row) => (BigInt(row.earned) > max ? BigInt(row.earned) : max), 1n);
  return (
    <Card title={t(kind === 'models' ? 'earnings.byModel' : 'earnings.byDevice')}>
      {rows.length === 0 ? (
        <Empty title={t('earnings.noDays')}>
          <p>{t('earnings.noDaysNext')}</p>
        </Empty>
      ) : (
        <Rows>
          {rows.slice(0, ROWS_SHOWN).map((row) => (
            <Row
              key={row.key}
              title={row.name}
              end={<Amount baseUnits={row.earned} asset={asset} />}
              exact={t('earnings.jobs', { count: row.jobs, written: writeNumber(row.jobs, language) })}
            >
              <Meter parts={[{ share: Number(row.earned) / Number(most) }]} isPractice={asset.practice} />
            </Row>
          ))}
        </Rows>
      )}
      {rows.length > ROWS_SHOWN ? <Others rows={rows.slice(ROWS_SHOWN)} /> : null}
    </Card>
  );
}

function Others({ rows }: { rows: readonly { readonly earned: string }[] }) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const sum = rows.reduce((total, row) => total + BigInt(row.earned), 0n);
  return (
    <p className="earnings-others sm soft">
      {t('earnings.others', { count: rows.length, amount: moneyText(sum.toString(), asset) })}
    </p>
  );
}

const ENTRIES = 20;

function Entries({ moneyKey }: { moneyKey: string }) {
  const { t } = useStrings();
  const answer = useAnswer(moneyKey, () => agent.earnings.entries({ limit: ENTRIES }));
  const entries = answer.data?.entries ?? [];
  return (
    <Card title={t('earnings.ledger')}>
      <ProblemNote problem={answer.problem} />
      {answer.data?.entries.length === 0 ? (
        <Empty title={t('earnings.noEntries')}>
          <p>{t('earnings.noEntriesNext')}</p>
        </Empty>
      ) : (
        <details className="fold">
          <summary>
            <Icon name="next" isSmall />
            {t('earnings.ledgerShow', { count: entries.length })}
          </summary>
          <p className="earnings-ledger sm soft">{t('earnings.ledgerWhat')}</p>
          <EntryList entries={entries} />
        </details>
      )}
    </Card>
  );
}
