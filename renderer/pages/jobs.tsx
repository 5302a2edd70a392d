/** Jobs: what is answered now and what was, each opening into its own story. */
import { useState } from 'react';
import { Button } from 'react-aria-components';
import type { Job } from '../../shared/jobs.ts';
import { useAnswer } from '../calls.ts';
import { shorten, writeExactTime, writeMeasured, writeMoment } from '../format.ts';
import { AmountById } from '../parts/amount.tsx';
import { Choice } from '../parts/choice.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { JobStateMark } from '../parts/job-state.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Empty, ProblemNote } from '../parts/problem.tsx';
import { useModelName, useNow, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { JobStory } from './job-story.tsx';

type Outcome = 'all' | 'served' | 'failed';
type Side = 'all' | 'sold' | 'bought';
const PAGE_ROWS = 50;

export function Jobs({ item }: { item: string | null }) {
  return item === null ? <JobList /> : <JobStory id={item} />;
}

function JobList() {
  const { t } = useStrings();
  const work = useSection('work');
  const money = useSection('money');
  const [outcome, setOutcome] = useState<Outcome>('all');
  const [side, setSide] = useState<Side>('all');
  const [limit, setLimit] = useState(PAGE_ROWS);
  // The list is asked for again when a job began, ended, or was paid; not with every token.
  const key = [
    outcome,
    side,
    limit,
    work.activeJobs.map((job) => job.id).join(),
    work.jobsToday.served,
    work.jobsToday.failed,
    money.claimed,
    money.received,
  ].join('|');
  const answer = useAnswer(key, () =>
    agent.jobs.list({ outcome, limit, ...(side === 'all' ? {} : { side }) }),
  );
  const columns = useColumns();
  return (
    <>
      <PageHead title={t('nav.jobs')} lead={t('jobs.lead')} />
      <section>
        <div className="filters">
          <Choice
            label={t('jobs.outcome.label')}
            value={outcome}
            onChange={setOutcome}
            options={(['all', 'served', 'failed'] as const).map((value) => ({
              value,
              label: t(`jobs.outcome.${value}`),
            }))}
          />
          <Choice
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
          <Empty title={t(outcome === 'all' && side === 'all' ? 'jobs.empty' : 'jobs.emptyFilter')}>
            <p>{t(outcome === 'all' && side === 'all' ? 'jobs.emptyNext' : 'jobs.emptyFilterNext')}</p>
          </Empty>
        ) : null}
        {answer.data && answer.data.jobs.length > 0 ? (
          <>
            <Table
              label={t('jobs.table')}
              columns={columns}
              rows={answer.data.jobs}
              rowKey={(job) => `${job.side}-${job.id}`}
            />
            {answer.data.more && limit < 200 ? (
              <Button
                className="button"
                onPress={() => setLimit((before) => Math.min(200, before + PAGE_ROWS))}
              >
                {t('common.more')}
              </Button>
            ) : null}
          </>
        ) : null}
      </section>
    </>
  );
}

function useColumns(): readonly Column<Job>[] {
  const { t, language } = useStrings();
  const { activeJobs } = useSection('work');
  const modelName = useModelName();
  const nowMs = useNow(30_000);
  const liveTokens = (job: Job) =>
    job.outputTokens ?? activeJobs.find((active) => active.id === job.id)?.outputTokens ?? null;
  const liveSpeed = (job: Job) =>
    job.decodeTokensPerSecond ?? activeJobs.find((active) => active.id === job.id)?.tokensPerSecond ?? null;
  return [
    {
      key: 'time',
      head: t('jobs.column.time'),
      isWhole: true,
      cell: (job) => (
        <a href={hrefTo('jobs', job.id)} title={writeExactTime(job.createdAtMs, language)}>
          {writeMoment(job.createdAtMs, nowMs, language)}
        </a>
      ),
    },
    { key: 'state', head: t('jobs.column.state'), cell: (job) => <JobStateMark state={job.state} /> },
    {
      key: 'model',
      head: t('jobs.column.model'),
      cell: (job) => (
        <>
          {modelName(job.model)}
          {job.side === 'bought' ? <span className="tag">{t('jobs.boughtTag')}</span> : null}
        </>
      ),
    },
    {
      key: 'peer',
      head: t('jobs.column.peer'),
      isWhole: true,
      cell: (job) => <span title={job.peer}>{shorten(job.peer.replace(/^12D3KooW/, ''), 4, 4)}</span>,
    },
    {
      key: 'tokens',
      head: t('jobs.column.tokens'),
      isNumber: true,
      cell: (job) => {
        const output = liveTokens(job);
        return (
          <>
            {job.inputTokens ?? <Unknown />}
            <span className="arrow" aria-hidden="true">
              {' → '}
            </span>
            <span className="for-readers">{t('jobs.tokensTo')}</span>
            {output ?? <Unknown />}
          </>
        );
      },
    },
    {
      key: 'speed',
      head: t('jobs.column.speed'),
      isNumber: true,
      cell: (job) => {
        const speed = liveSpeed(job);
        return speed === null ? <Unknown /> : t('speed.perSecond', { speed: writeMeasured(speed, language) });
      },
    },
    {
      key: 'charged',
      head: t('jobs.column.charged'),
      isNumber: true,
      cell: (job) =>
        job.charged === null || job.assetId === null ? (
          job.state === 'running' || job.state === 'admitted' || job.state === 'delivered' ? (
            <Fact>
              <span className="soft">{t('jobs.notYet')}</span>
            </Fact>
          ) : (
            <Unknown />
          )
        ) : (
          <AmountById baseUnits={job.charged} assetId={job.assetId} />
        ),
    },
  ];
}
