/** Jobs page: running and past jobs, filtered by outcome and direction. Each opens into its own page. */
import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { Job } from '../../shared/jobs.ts';
import { useAnswer } from '../calls.ts';
import { shorten, writeExactTime, writeMeasured, writeMoment } from '../format.ts';
import { AmountById } from '../parts/amount.tsx';
import { Empty } from '../parts/empty.tsx';
import { Unknown } from '../parts/fact.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Segments } from '../parts/segments.tsx';
import { JobStateMark } from '../parts/state-mark.tsx';
import { useModelName, useNow, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { JobPage } from './job.tsx';

type Outcome = 'all' | 'served' | 'failed';
type Side = 'all' | 'sold' | 'bought';
/** Rows added per press, and the maximum that the agent returns per query. */
const PAGE_ROWS = 50;
const ROWS_MAX = 200;

export function Jobs({ item }: { item: string | null }) {
  return item === null ? <JobList /> : <JobPage id={item} />;
}

function JobList() {
  const { t } = useStrings();
  const [outcome, setOutcome] = useState<Outcome>('all');
  const [side, setSide] = useState<Side>('all');
  const [limit, setLimit] = useState(PAGE_ROWS);
  const key = [outcome, side, limit, useJobsKey()].join('|');
  const answer = useAnswer(key, () =>
    agent.jobs.list({ outcome, limit, ...(side === 'all' ? {} : { side }) }),
  );
  const isFiltered = outcome !== 'all' || side !== 'all';
  return (
    <>
      <PageHead title={t('nav.jobs')} lead={t('jobs.lead')} />
      <section>
        <div className="filters">
          <Segments
            label={t('jobs.outcome.label')}
            value={outcome}
            onChange={setOutcome}
            options={(['all', 'served', 'failed'] as const).map((value) => ({
              value,
              label: t(`jobs.outcome.${value}`),
            }))}
          />
          <Segments
            label={t('jobs.side.label')}
            value={side}
            onChange={setSide}
            options={(['all', 'sold', 'bought'] as const).map((value) => ({
              value,
              label: t(`jobs.side.${value}`),
            }))}
          />
        </div>
        <ProblemNote problem={answer.problem} />
        {answer.data && answer.data.jobs.length === 0 ? (
          <Empty title={t(isFiltered ? 'jobs.emptyFilter' : 'jobs.empty')}>
            <p>{t(isFiltered ? 'jobs.emptyFilterNext' : 'jobs.emptyNext')}</p>
          </Empty>
        ) : null}
        {answer.data && answer.data.jobs.length > 0 ? (
          <JobTable
            jobs={answer.data.jobs}
            {...(answer.data.more && limit < ROWS_MAX
              ? { onMore: () => setLimit((before) => Math.min(ROWS_MAX, before + PAGE_ROWS)) }
              : {})}
          />
        ) : null}
      </section>
    </>
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

function JobTable({ jobs, onMore }: { jobs: readonly Job[]; onMore?: () => void }) {
  const { t } = useStrings();
  const columns = useColumns();
  return (
    <>
      <Table
        label={t('jobs.table')}
        columns={columns}
        rows={jobs}
        rowKey={(job) => `${job.side}-${job.id}`}
      />
      {onMore ? (
        <Button className="button" onPress={onMore}>
          {t('common.more')}
        </Button>
      ) : null}
    </>
  );
}

function useColumns(): readonly Column<Job>[] {
  const { t, language } = useStrings();
  const nowMs = useNow(30_000);
  return [
    {
      key: 'time',
      head: t('jobs.column.time'),
      isUnbroken: true,
      cell: (job) => (
        <a href={hrefTo('jobs', job.id)} title={writeExactTime(job.createdAtMs, language)}>
          {writeMoment(job.createdAtMs, nowMs, language)}
        </a>
      ),
    },
    { key: 'state', head: t('jobs.column.state'), cell: (job) => <JobStateMark state={job.state} /> },
    { key: 'model', head: t('jobs.column.model'), cell: (job) => <ModelCell job={job} /> },
    {
      key: 'peer',
      head: t('jobs.column.peer'),
      isUnbroken: true,
      cell: (job) => <span title={job.peer}>{shorten(job.peer.replace(/^12D3KooW/, ''), 4, 4)}</span>,
    },
    {
      key: 'tokens',
      head: t('jobs.column.tokens'),
      isNumber: true,
      cell: (job) => <TokensCell job={job} />,
    },
    { key: 'speed', head: t('jobs.column.speed'), isNumber: true, cell: (job) => <SpeedCell job={job} /> },
    {
      key: 'charged',
      head: t('jobs.column.charged'),
      isNumber: true,
      cell: (job) => <ChargedCell job={job} />,
    },
  ];
}

function ModelCell({ job }: { job: Job }) {
  const { t } = useStrings();
  const modelName = useModelName();
  return (
    <>
      {modelName(job.model)}
      {job.side === 'bought' ? <span className="tag">{t('jobs.boughtTag')}</span> : null}
    </>
  );
}

/** The live figures of a job while it runs. */
function useActiveJob(id: string) {
  return useSection('work').activeJobs.find((active) => active.id === id);
}

function TokensCell({ job }: { job: Job }) {
  const { t } = useStrings();
  const active = useActiveJob(job.id);
  return (
    <>
      {job.inputTokens ?? <Unknown />}
      <span className="arrow" aria-hidden="true">
        {' → '}
      </span>
      <span className="for-readers">{t('jobs.tokensTo')}</span>
      {job.outputTokens ?? active?.outputTokens ?? <Unknown />}
    </>
  );
}

function SpeedCell({ job }: { job: Job }) {
  const { t, language } = useStrings();
  const active = useActiveJob(job.id);
  const speed = job.decodeTokensPerSecond ?? active?.tokensPerSecond ?? null;
  return speed === null ? <Unknown /> : t('speed.perSecond', { speed: writeMeasured(speed, language) });
}

function ChargedCell({ job }: { job: Job }) {
  const { t } = useStrings();
  if (job.charged !== null && job.assetId !== null) {
    return <AmountById baseUnits={job.charged} assetId={job.assetId} />;
  }
  const isPending = job.state === 'running' || job.state === 'admitted' || job.state === 'delivered';
  return isPending ? <span className="soft">{t('jobs.notYet')}</span> : <Unknown />;
}
