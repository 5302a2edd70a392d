/** Page of one job: its figures, its timeline, its details, and the receipt that proves them. */
import type { ReactNode } from 'react';
import type { Job, JobEvent } from '../../shared/jobs.ts';
import { useAnswer } from '../calls.ts';
import { shorten, writeDuration, writeExactTime, writeMeasured, writeNumber } from '../format.ts';
import { AmountById } from '../parts/amount.tsx';
import { CopyBlock, CopyButton } from '../parts/copy.tsx';
import { Figure, Unknown } from '../parts/fact.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { JobStateMark } from '../parts/state-mark.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { readReceipt } from '../receipt.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';

export function JobPage({ id }: { id: string }) {
  const { t } = useStrings();
  const work = useSection('work');
  const money = useSection('money');
  const active = work.activeJobs.some((job) => job.id === id);
  const answer = useAnswer([id, active, money.claimed, money.received].join('|'), () =>
    agent.jobs.show({ id }),
  );
  return (
    <>
      <p className="back">
        <a href={hrefTo('jobs')}>{t('job.back')}</a>
      </p>
      {answer.data === null && answer.problem ? <PageHead title={t('job.id')} /> : null}
      <ProblemNote problem={answer.problem} />
      {answer.data ? <JobView job={answer.data.job} events={answer.data.events} /> : null}
    </>
  );
}

function JobView({ job, events }: { job: Job; events: readonly JobEvent[] }) {
  const { t, language } = useStrings();
  const modelName = useModelName();
  const firstTokenMs =
    job.firstTokenAtMs === null || job.startedAtMs === null ? null : job.firstTokenAtMs - job.startedAtMs;
  return (
    <>
      <PageHead
        title={t('job.title', { model: modelName(job.model) })}
        lead={t(`job.meaning.${job.state}`)}
      />
      <section aria-label={t('job.numbers')}>
        <dl className="figures">
          <Figure label={t('job.charged')}>
            {job.charged === null || job.assetId === null ? (
              <Unknown about={t('job.notCharged')} />
            ) : (
              <AmountById baseUnits={job.charged} assetId={job.assetId} />
            )}
          </Figure>
          <Figure label={t('job.speed')} note={t('job.speedNote')}>
            {job.decodeTokensPerSecond === null ? (
              <Unknown />
            ) : (
              t('speed.perSecond', { speed: writeMeasured(job.decodeTokensPerSecond, language) })
            )}
          </Figure>
          <Figure label={t('job.tokens')} note={t('job.tokensNote')}>
            {job.inputTokens === null ? <Unknown /> : writeNumber(job.inputTokens, language)}
            {' + '}
            {job.outputTokens === null ? <Unknown /> : writeNumber(job.outputTokens, language)}
          </Figure>
          <Figure label={t('job.firstToken')} note={t('job.firstTokenNote')}>
            {firstTokenMs === null ? <Unknown /> : writeDuration(firstTokenMs, language)}
          </Figure>
        </dl>
      </section>
      <section aria-labelledby="job-life">
        <h2 id="job-life">{t('job.life')}</h2>
        <ol className="timeline">
          {events.map((event, index) => (
            <li key={`${event.state}-${event.atMs}-${String(index)}`}>
              <JobStateMark state={event.state} />
              <span className="timeline-note">{event.note ?? t(`job.meaning.${event.state}`)}</span>
              <time dateTime={new Date(event.atMs).toISOString()}>
                {writeExactTime(event.atMs, language)}
              </time>
            </li>
          ))}
        </ol>
      </section>
      <Details job={job} />
      <ReceiptPart job={job} />
    </>
  );
}

function Details({ job }: { job: Job }) {
  const { t } = useStrings();
  const rows: [string, ReactNode][] = [
    [t('job.id'), <Identifier key="id" text={job.id} label={t('job.id')} />],
    [t('job.side'), t(`jobs.side.${job.side}`)],
    [t('job.model'), job.model],
    [t('job.peer'), <Identifier key="peer" text={job.peer} label={t('job.peer')} />],
    [t('job.payer'), <Identifier key="payer" text={job.payer} label={t('job.payer')} />],
    [t('job.channel'), <Identifier key="channel" text={job.channelId} label={t('job.channel')} />],
    [
      t('job.cumulative'),
      job.cumulative === null || job.assetId === null ? (
        <Unknown key="cumulative" />
      ) : (
        <AmountById key="cumulative" baseUnits={job.cumulative} assetId={job.assetId} />
      ),
    ],
    [t('job.finish'), job.finishReason ?? <Unknown key="finish" />],
  ];
  if (job.error !== null) rows.push([t('job.error'), job.error]);
  if (job.continues !== null) rows.push([t('job.continues'), <JobLink key="before" id={job.continues} />]);
  if (job.continuedBy !== null)
    rows.push([t('job.continuedBy'), <JobLink key="after" id={job.continuedBy} />]);
  return (
    <section aria-labelledby="job-details">
      <h2 id="job-details">{t('job.details')}</h2>
      <dl className="pairs">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function JobLink({ id }: { id: string }) {
  return (
    <a href={hrefTo('jobs', id)}>
      <code title={id}>{shorten(id, 10, 8)}</code>
    </a>
  );
}

function Identifier({ text, label }: { text: string | null; label: string }) {
  if (text === null) return <Unknown />;
  return (
    <span className="identifier">
      <code title={text}>{shorten(text, 10, 8)}</code> <CopyButton text={text} label={label} />
    </span>
  );
}

function ReceiptPart({ job }: { job: Job }) {
  const { t } = useStrings();
  if (job.receipt === null) {
    return (
      <section aria-labelledby="job-receipt">
        <h2 id="job-receipt">{t('job.receipt')}</h2>
        <p className="soft">{t('job.noReceipt')}</p>
      </section>
    );
  }
  const receipt = readReceipt(job.receipt);
  return (
    <section aria-labelledby="job-receipt">
      <h2 id="job-receipt">{t('job.receipt')}</h2>
      <p className="soft">{t('job.receiptWhat')}</p>
      {receipt ? <CopyBlock label={t('job.receiptRead')} text={JSON.stringify(receipt, null, 2)} /> : null}
      <CopyBlock label={t('job.receiptSigned')} text={job.receipt} />
    </section>
  );
}
