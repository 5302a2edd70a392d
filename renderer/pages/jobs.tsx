/** Jobs page: what runs now, and the history with its totals of today. Each job opens into its own page. */
import { useState } from 'react';
import { hotkeyTitle, isHotkeyPeer } from '../../shared/bittensor.ts';
import { isHordePeer } from '../../shared/horde.ts';
import { JOBS_SEARCHED_MAX } from '../../shared/job-search.ts';
import type { Job } from '../../shared/jobs.ts';
import { useAnswer } from '../calls.ts';
import { shorten, writeMeasured, writeMoment, writeNumber } from '../format.ts';
import { lastOf, useLately } from '../lately.ts';
import { Amount, AmountById, useIsFree, useMoneyText } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Unknown } from '../parts/fact.tsx';
import { JobTag } from '../parts/job-tag.tsx';
import { Meter } from '../parts/meter.tsx';
import { PageHead, SectionHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Segments } from '../parts/segments.tsx';
import { Spark } from '../parts/spark.tsx';
import { useModelName, useNow, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { JobPage } from './job.tsx';
import { Filters, NO_FILTERS } from './jobs-filters.tsx';

type Side = 'sold' | 'bought';
/** Rows added per press, and the maximum that the agent returns per query. */
const PAGE_ROWS = 50;
const ROWS_MAX = 200;
const SPARK_SECONDS = 60;

export function Jobs({ item }: { item: string | null }) {
  return item === null ? <JobList /> : <JobPage id={item} />;
}

function JobList() {
  const { t } = useStrings();
  const [filters, setFilters] = useState(NO_FILTERS);
  const [side, setSide] = useState<Side>('sold');
  const [limit, setLimit] = useState(PAGE_ROWS);
  const { outcome, model, search } = filters;
  const key = JSON.stringify([filters, side, limit, useJobsKey()]);
  const answer = useAnswer(key, () =>
    agent.jobs.list({ outcome, limit, side, search, ...(model === null ? {} : { model }) }),
  );
  const isFiltered = outcome !== 'all' || model !== null || search !== '';
  return (
    <>
      <PageHead title={t('nav.jobs')}>
        <Segments
          label={t('jobs.side.label')}
          value={side}
          onChange={setSide}
          options={(['sold', 'bought'] as const).map((value) => ({ value, label: t(`jobs.side.${value}`) }))}
        />
      </PageHead>
      {side === 'sold' ? <RunningNow /> : null}
      <SectionHead
        title={t(side === 'sold' ? 'jobs.history' : 'jobs.historyBought')}
        aside={side === 'sold' ? <TodayTotals /> : null}
      />
      <Filters filters={filters} jobs={answer.data?.jobs ?? []} onChange={setFilters} />
      <ProblemNote problem={answer.problem} />
      {answer.data ? (
        <Card label={t('jobs.table')}>
          {answer.data.jobs.length === 0 ? (
            <NoJobs isFiltered={isFiltered} side={side} onShowAll={() => setFilters(NO_FILTERS)} />
          ) : (
            <JobTable jobs={answer.data.jobs} side={side} />
          )}
        </Card>
      ) : null}
      {answer.data?.more && limit < ROWS_MAX ? (
        <p>
          <ActionButton onPress={() => setLimit((before) => Math.min(ROWS_MAX, before + PAGE_ROWS))}>
            {t('common.more')}
          </ActionButton>
        </p>
      ) : null}
    </>
  );
}

function NoJobs(props: { isFiltered: boolean; side: Side; onShowAll: () => void }) {
  const { t, language } = useStrings();
  const { isFiltered, side, onShowAll } = props;
  if (isFiltered) {
    return (
      <Empty title={t('jobs.emptyFilter')}>
        <p>{t('jobs.emptyFilterNext', { number: writeNumber(JOBS_SEARCHED_MAX, language) })}</p>
        <ActionButton onPress={onShowAll}>{t('jobs.showAll')}</ActionButton>
      </Empty>
    );
  }
  return (
    <Empty title={t(side === 'sold' ? 'jobs.empty' : 'jobs.emptyBought')}>
      <p>{t(side === 'sold' ? 'jobs.emptyNext' : 'jobs.emptyBoughtNext')}</p>
    </Empty>
  );
}

/** Changes when a job begins, ends or is paid, so that the list is queried again; not with every token. */
function useJobsKey(): string {
  const work = useSection('work');
  const money = useSection('money');
  return [
    work.activeJobs.map((job) => job.id).join(),
    work.jobsToday.served,
    work.jobsToday.failed,
    money.claimed,
    money.received,
  ].join('|');
}

function TodayTotals() {
  const { t } = useStrings();
  const { jobsToday } = useSection('work');
  const money = useSection('money');
  const moneyText = useMoneyText();
  return (
    <>
      {t('jobs.today', { count: jobsToday.served, amount: moneyText(money.earnedToday, money.asset) })}
      {jobsToday.failed > 0 ? ` · ${t('jobs.todayFailed', { count: jobsToday.failed })}` : null}
    </>
  );
}

/** The place keeps its height, so that the list below doesn't move when a job starts or ends. */
function RunningNow() {
  const { t, language } = useStrings();
  const { activeJobs, tokensPerSecond } = useSection('work');
  const history = lastOf(useLately(), 'tokensPerSecond', SPARK_SECONDS);
  const isRunning = activeJobs.length > 0;
  return (
    <Card
      title={t('jobs.running')}
      className="jobs-running"
      aside={
        <span className="jobs-speed">
          <span className="jobs-spark opt">
            <Spark values={history} {...(isRunning ? {} : { kind: 'off' as const })} />
          </span>
          <span className="mid-num">
            {isRunning && tokensPerSecond !== null ? writeMeasured(tokensPerSecond, language) : '–'}
          </span>
          <span className="sm soft">{t('jobs.perSecond')}</span>
        </span>
      }
    >
      {isRunning ? (
        <Rows>
          {activeJobs.map((job) => (
            <RunningJob key={job.id} job={job} />
          ))}
        </Rows>
      ) : (
        <p className="jobs-idle soft">{t('jobs.noneRunning')}</p>
      )}
    </Card>
  );
}

function RunningJob({ job }: { job: ReturnType<typeof useActive>[number] }) {
  const { t, language } = useStrings();
  const isFree = useIsFree();
  const { asset } = useSection('money');
  const modelName = useModelName();
  const nowMs = useNow(1_000);
  const seconds = Math.max(0, Math.round((nowMs - job.startedAtMs) / 1_000));
  const input = job.inputTokens === null ? null : writeNumber(job.inputTokens, language);
  const output = writeNumber(job.outputTokens, language);
  return (
    <Row
      href={hrefTo('jobs', job.id)}
      icon="bolt"
      title={
        <>
          {modelName(job.model)} <span className="soft">{t('jobs.for', { peer: job.requester })}</span>
        </>
      }
      note={input === null ? t('jobs.reading') : t('jobs.inOut', { input, output })}
      end={
        <span className="jobs-live">
          <span className="jobs-meter opt">
            <Meter parts={[{ share: job.outputTokens / job.maxTokens }]} isPractice={asset.practice} />
          </span>
          <span className="sm opt">
            {job.tokensPerSecond === null
              ? null
              : t('speed.perSecond', { speed: writeMeasured(job.tokensPerSecond, language) })}
          </span>
          <span className="sm soft opt">{t('jobs.seconds', { count: seconds })}</span>
          {isFree ? null : (
            <span className="jobs-sofar">
              <Amount baseUnits={job.charge} asset={asset} isPlain />
              <span className="exact">{t('jobs.soFar')}</span>
            </span>
          )}
        </span>
      }
    />
  );
}

function useActive() {
  return useSection('work').activeJobs;
}

function JobTable({ jobs, side }: { jobs: readonly Job[]; side: Side }) {
  const { t } = useStrings();
  const isFree = useIsFree();
  const columns = useColumns(side).filter(({ key }) => !(isFree && key === 'charged'));
  return (
    <Table label={t('jobs.table')} columns={columns} rows={jobs} rowKey={(job) => `${job.side}-${job.id}`} />
  );
}

function useColumns(side: Side): readonly Column<Job>[] {
  const { t } = useStrings();
  const modelName = useModelName();
  return [
    {
      key: 'time',
      head: t('jobs.column.time'),
      isUnbroken: true,
      fold: 3,
      cell: (job) => <TimeCell job={job} />,
    },
    {
      key: 'model',
      head: t('jobs.column.model'),
      fold: 1,
      cell: (job) => <a href={hrefTo('jobs', job.id)}>{modelName(job.model)}</a>,
    },
    {
      key: 'peer',
      head: t(side === 'sold' ? 'jobs.column.buyer' : 'jobs.column.provider'),
      isUnbroken: true,
      isOptional: true,
      cell: (job) => <PeerCell job={job} />,
    },
    {
      key: 'input',
      head: t('jobs.column.input'),
      isNumber: true,
      cell: (job) => <TokensCell count={job.inputTokens} />,
    },
    {
      key: 'output',
      head: t('jobs.column.output'),
      isNumber: true,
      cell: (job) => <OutputCell job={job} />,
    },
    {
      key: 'speed',
      head: t('jobs.column.speed'),
      isNumber: true,
      isOptional: true,
      cell: (job) => <SpeedCell job={job} />,
    },
    { key: 'state', head: t('jobs.column.state'), fold: 4, cell: (job) => <JobTag state={job.state} /> },
    {
      key: 'charged',
      head: t(side === 'sold' ? 'jobs.column.earned' : 'jobs.column.paid'),
      isNumber: true,
      fold: 2,
      cell: (job) => <ChargedCell job={job} />,
    },
  ];
}

/** On a phone the tokens stand behind the time. */
function TimeCell({ job }: { job: Job }) {
  const { t, language } = useStrings();
  const nowMs = useNow(30_000);
  const write = (count: number | null) => (count === null ? '–' : writeNumber(count, language));
  return (
    <span className="soft">
      {writeMoment(job.createdAtMs, nowMs, language)}
      <span className="phone-only">
        {' · '}
        {t('jobs.inOut', { input: write(job.inputTokens), output: write(job.outputTokens) })}
      </span>
    </span>
  );
}

/** In practice the owner buys from their own provider. */
function PeerCell({ job }: { job: Job }) {
  const { t } = useStrings();
  const { bittensorNames } = useSection('settings');
  const own = useSection('network').peer;
  if (job.peer === own) return <span className="soft">{t('jobs.you')}</span>;
  if (isHordePeer(job.peer)) return <span className="soft">{t('horde.title')}</span>;
  if (isHotkeyPeer(job.peer)) return <span className="soft">{hotkeyTitle(job.peer, bittensorNames)}</span>;
  return <code className="soft">{shorten(job.peer.replace(/^12D3KooW/, ''), 4, 4)}</code>;
}

function TokensCell({ count }: { count: number | null }) {
  const { language } = useStrings();
  return count === null ? <Unknown /> : writeNumber(count, language);
}

function OutputCell({ job }: { job: Job }) {
  const active = useActive().find(({ id }) => id === job.id);
  return <TokensCell count={job.outputTokens ?? active?.outputTokens ?? null} />;
}

function SpeedCell({ job }: { job: Job }) {
  const { language } = useStrings();
  const active = useActive().find(({ id }) => id === job.id);
  const speed = job.decodeTokensPerSecond ?? active?.tokensPerSecond ?? null;
  return speed === null ? <Unknown /> : writeMeasured(speed, language);
}

function ChargedCell({ job }: { job: Job }) {
  const { t } = useStrings();
  if (job.charged !== null && job.assetId !== null) {
    return <AmountById baseUnits={job.charged} assetId={job.assetId} />;
  }
  const isPending = job.state === 'running' || job.state === 'admitted' || job.state === 'delivered';
  return isPending ? <span className="soft">{t('jobs.notYet')}</span> : <Unknown />;
}
