/** Earnings page: earnings by day and by model, pending payouts with their reasons, and the ledger entries. */
import { useState } from 'react';
import { useAction, useAnswer } from '../calls.ts';
import { shorten, writeAmount, writeDay, writeNumber } from '../format.ts';
import { Amount, useAmountText, useUnitName } from '../parts/amount.tsx';
import { DayChart } from '../parts/chart.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { CopyBlock } from '../parts/copy.tsx';
import { Empty } from '../parts/empty.tsx';
import { EntryList } from '../parts/entries.tsx';
import { Figure } from '../parts/fact.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Segments } from '../parts/segments.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { Table } from '../parts/table.tsx';
import { agent, useSection } from '../store.ts';

const SPANS = ['7', '30', '90'] as const;

interface MoneyQuery {
  /** Changes with every amount of money, so that the query is repeated. */
  readonly moneyKey: string;
}

export function Earnings() {
  const { t } = useStrings();
  const money = useSection('money');
  const [span, setSpan] = useState<(typeof SPANS)[number]>('30');
  const moneyKey = [money.earnedTotal, money.owed, money.claimed, money.received].join('|');
  return (
    <>
      <PageHead title={t('nav.earnings')} lead={t('earnings.lead')}>
        <PayOut />
      </PageHead>
      <Totals />
      <section aria-labelledby="earnings-days">
        <div className="section-head">
          <h2 id="earnings-days">{t('earnings.byDay')}</h2>
          <Segments
            label={t('earnings.span')}
            value={span}
            onChange={setSpan}
            options={SPANS.map((value) => ({ value, label: t('earnings.days', { count: Number(value) }) }))}
          />
        </div>
        <Days days={Number(span)} moneyKey={moneyKey} />
      </section>
      <ByModel days={Number(span)} moneyKey={moneyKey} />
      <Receivables moneyKey={moneyKey} />
      <Entries moneyKey={moneyKey} />
    </>
  );
}

function PayOut() {
  const { t } = useStrings();
  const money = useSection('money');
  const wallet = useSection('wallet');
  const amountText = useAmountText();
  const unitName = useUnitName();
  const { networkFeeMax } = useSection('settings');
  const settle = useAction((_: null) => agent.earnings.settle({}));
  const open = BigInt(money.owed) + BigInt(money.claimed);
  const sum = amountText(open.toString(), money.asset);
  return (
    <div className="pay-out">
      <Confirm
        className="button is-main"
        button={settle.busy ? t('payout.busy') : t('payout.button')}
        isDisabled={settle.busy || open === 0n || wallet.address === null}
        title={t('payout.title', { amount: sum })}
        act={t('payout.act', { amount: sum })}
        onAct={() => settle.run(null)}
      >
        <p>
          {t('payout.text', {
            amount: sum,
            address: wallet.address === null ? t('common.unknown') : shorten(wallet.address),
            network: wallet.networkName,
            coin: unitName(money.coin),
          })}
        </p>
        <p>
          {money.payoutFee === null
            ? t('payout.feeUnknown', { limit: amountText(networkFeeMax, money.coin) })
            : t('payout.fee', {
                fee: amountText(money.payoutFee, money.coin),
                limit: amountText(networkFeeMax, money.coin),
              })}
        </p>
        {BigInt(money.owed) < BigInt(money.settleThreshold) ? (
          <p>{t('payout.early', { threshold: amountText(money.settleThreshold, money.asset) })}</p>
        ) : null}
      </Confirm>
      {open === 0n ? <p className="soft">{t('payout.nothing')}</p> : null}
      <ProblemNote problem={settle.problem} />
      {settle.result ? (
        <div className="note is-info" role="status">
          <p className="note-title">
            {t('payout.done', { amount: amountText(settle.result.received, money.asset) })}
          </p>
          {settle.result.claimTx ? (
            <CopyBlock label={t('payout.claimTx')} text={settle.result.claimTx} />
          ) : null}
          {settle.result.settleTx ? (
            <CopyBlock label={t('payout.settleTx')} text={settle.result.settleTx} />
          ) : null}
        </div>
      ) : null}
    </div>
  );
}

function Totals() {
  const { t } = useStrings();
  const money = useSection('money');
  const source = t('source.ledger');
  return (
    <section aria-label={t('earnings.totals')}>
      <dl className="figures">
        <Figure label={t('home.total')}>
          <Amount baseUnits={money.earnedTotal} asset={money.asset} about={source} />
        </Figure>
        <Figure label={t('earnings.received')} note={t('earnings.receivedNote')}>
          <Amount baseUnits={money.received} asset={money.asset} about={source} />
        </Figure>
        <Figure label={t('earnings.claimed')} note={t('earnings.claimedNote')}>
          <Amount baseUnits={money.claimed} asset={money.asset} about={source} />
        </Figure>
        <Figure label={t('earnings.fees')} note={t('earnings.feesNote')}>
          <Amount baseUnits={money.feesCoin} asset={money.coin} about={source} />
        </Figure>
      </dl>
    </section>
  );
}

function Days({ days, moneyKey }: MoneyQuery & { days: number }) {
  const { t, language } = useStrings();
  const { asset, coin } = useSection('money');
  const unitName = useUnitName();
  const answer = useAnswer(`${days}|${moneyKey}`, () => agent.earnings.byDay({ days }));
  if (answer.problem) return <ProblemNote problem={answer.problem} />;
  if (!answer.data) return <div className="chart is-waiting" />;
  const rows = answer.data.days;
  if (rows.every((row) => row.earned === '0')) {
    return (
      <Empty title={t('earnings.noDays')}>
        <p>{t('earnings.noDaysNext')}</p>
      </Empty>
    );
  }
  return (
    <>
      <div className="panel">
        <DayChart
          label={t('earnings.chart', { count: days })}
          bars={rows.map((row) => ({ day: row.day, value: Number(row.earned) }))}
          isPractice={asset.practice}
          writeDay={(day) => writeDay(day, language)}
          writeValue={(value) => writeAmount(String(Math.round(value)), asset.decimals, language).text}
        />
        <p className="chart-unit">{t('earnings.unit', { unit: unitName(asset) })}</p>
      </div>
      <details className="as-table">
        <summary>{t('earnings.asTable')}</summary>
        <Table
          label={t('earnings.byDay')}
          rows={[...rows].reverse()}
          rowKey={(row) => row.day}
          columns={[
            { key: 'day', head: t('earnings.day'), cell: (row) => writeDay(row.day, language) },
            {
              key: 'jobs',
              head: t('nav.jobs'),
              isNumber: true,
              cell: (row) => writeNumber(row.jobs, language),
            },
            {
              key: 'earned',
              head: t('earnings.earned'),
              isNumber: true,
              cell: (row) => <Amount baseUnits={row.earned} asset={asset} />,
            },
            {
              key: 'fees',
              head: t('earnings.fees'),
              isNumber: true,
              cell: (row) => <Amount baseUnits={row.feesCoin} asset={coin} />,
            },
          ]}
        />
      </details>
    </>
  );
}

function ByModel({ days, moneyKey }: MoneyQuery & { days: number }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const modelName = useModelName();
  const answer = useAnswer(`${days}|${moneyKey}`, () => agent.earnings.byModel({ days }));
  if (!answer.data || answer.data.models.length === 0) return <ProblemNote problem={answer.problem} />;
  return (
    <section aria-labelledby="earnings-models">
      <h2 id="earnings-models">{t('earnings.byModel')}</h2>
      <Table
        label={t('earnings.byModel')}
        rows={answer.data.models}
        rowKey={(row) => row.model}
        columns={[
          { key: 'model', head: t('jobs.column.model'), cell: (row) => modelName(row.model) },
          {
            key: 'jobs',
            head: t('nav.jobs'),
            isNumber: true,
            cell: (row) => writeNumber(row.jobs, language),
          },
          {
            key: 'earned',
            head: t('earnings.earned'),
            isNumber: true,
            cell: (row) => <Amount baseUnits={row.earned} asset={asset} />,
          },
        ]}
      />
    </section>
  );
}

function Receivables({ moneyKey }: MoneyQuery) {
  const { t } = useStrings();
  const money = useSection('money');
  const amountText = useAmountText();
  const answer = useAnswer(moneyKey, () => agent.earnings.receivables({}));
  return (
    <section aria-labelledby="earnings-owed">
      <h2 id="earnings-owed">{t('earnings.owed')}</h2>
      <ProblemNote problem={answer.problem} />
      {answer.data?.receivables.length === 0 ? (
        <Empty title={t('waiting.none')}>
          <p>{t('earnings.owedEmpty')}</p>
        </Empty>
      ) : null}
      {answer.data && answer.data.receivables.length > 0 ? (
        <ul className="rows">
          {answer.data.receivables.map((row) => (
            <li className="row" key={row.channelId}>
              <span className="row-title">
                <Amount baseUnits={row.owed} asset={money.asset} about={t('source.owed')} />
              </span>
              <span className="row-note">
                {t(`waiting.${row.reason}`, { threshold: amountText(money.settleThreshold, money.asset) })}
                <span className="row-under" title={row.channelId}>
                  {t('earnings.channel', {
                    payer: shorten(row.payer),
                    claimed: amountText(row.claimedTotal, money.asset),
                  })}
                </span>
              </span>
            </li>
          ))}
        </ul>
      ) : null}
    </section>
  );
}

function Entries({ moneyKey }: MoneyQuery) {
  const { t } = useStrings();
  const answer = useAnswer(moneyKey, () => agent.earnings.entries({ limit: 20 }));
  return (
    <section aria-labelledby="earnings-ledger">
      <h2 id="earnings-ledger">{t('earnings.ledger')}</h2>
      <p className="soft">{t('earnings.ledgerWhat')}</p>
      <ProblemNote problem={answer.problem} />
      {answer.data?.entries.length === 0 ? (
        <Empty title={t('earnings.noEntries')}>
          <p>{t('earnings.noEntriesNext')}</p>
        </Empty>
      ) : null}
      {answer.data && answer.data.entries.length > 0 ? <EntryList entries={answer.data.entries} /> : null}
    </section>
  );
}
