/** Page of one job: what it brought, its story, its details, and the receipt that proves them. */
import type { ReactNode } from 'react';
import type { AnswerCheck } from '../../shared/answer-check.ts';
import type { JobEnergy, SpeedCurve } from '../../shared/api/contract.ts';
import { hotkeyOf, isHotkeyPeer } from '../../shared/bittensor.ts';
import { isHordePeer } from '../../shared/horde.ts';
import type { Job, JobEvent } from '../../shared/jobs.ts';
import { chargeParts } from '../../shared/price.ts';
import { useAnswer } from '../calls.ts';
import {
  shorten,
  writeAmount,
  writeDuration,
  writeExactTime,
  writeMeasured,
  writeMicroUsd,
  writeNumber,
} from '../format.ts';
import { Amount, AmountById, ExactAmount, useUnitName } from '../parts/amount.tsx';
import { Bars } from '../parts/bars.tsx';
import { ActionLink } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { CopyBlock, CopyButton } from '../parts/copy.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { Icon } from '../parts/icon.tsx';
import { JobTag } from '../parts/job-tag.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useModelName, useNow, useStrings } from '../parts/strings.ts';
import { readReceipt } from '../receipt.ts';
import { hrefTo } from '../route.ts';
import { agent, useSection } from '../store.ts';
import { JobStory } from './job-story.tsx';

/** While the job runs. */
const REFRESH_MS = 2_000;
/** With fewer steps of time a chart shows nothing that the average doesn't. */
const STEPS_MIN = 5;
/** Prices are per million tokens. */
const MILLION_DIGITS = 6;

export function JobPage({ id }: { id: string }) {
  const { t } = useStrings();
  const work = useSection('work');
  const money = useSection('money');
  const active = work.activeJobs.some((job) => job.id === id);
  const turn = Math.floor(useNow(REFRESH_MS) / REFRESH_MS);
  const answer = useAnswer([id, active ? turn : '', money.claimed, money.received].join('|'), () =>
    agent.jobs.show({ id }),
  );
  return (
    <>
      <div className="job-head">
        <ActionLink href={hrefTo('jobs')} kind="quiet" isSmall>
          <Icon name="back" isSmall />
          {t('nav.jobs')}
        </ActionLink>
        {answer.data?.job.receipt ? (
          <CopyButton text={answer.data.job.receipt} label={t('job.receipt')}>
            {t('job.copyReceipt')}
          </CopyButton>
        ) : null}
      </div>
      {answer.data === null && answer.problem ? <PageHead title={t('job.id')} /> : null}
      <ProblemNote problem={answer.problem} />
      {answer.data ? <JobView {...answer.data} /> : null}
    </>
  );
}

interface JobFacts {
  readonly job: Job;
  readonly events: readonly JobEvent[];
  readonly device: string | null;
  readonly energy: JobEnergy | null;
  readonly speed: SpeedCurve | null;
  readonly check: AnswerCheck | null;
}

function JobView({ job, events, device, energy, speed, check }: JobFacts) {
  const { t } = useStrings();
  return (
    <Columns kind="wide">
      <div className="stack">
        <Card label={t('job.story')} isPadded>
          <Head job={job} />
          <h2 className="job-story-title">{t('job.story')}</h2>
          <JobStory job={job} events={events} device={device} check={check} />
        </Card>
        <ReceiptPart job={job} />
      </div>
      <div className="stack">
        {speed === null || speed.tokensPerSecond.length < STEPS_MIN ? null : (
          <Speed job={job} speed={speed} />
        )}
        <Card title={t('job.details')} isPadded>
          <Details job={job} energy={energy} />
        </Card>
        <div className="note">
          <Icon name="shield" />
          <div className="note-text">{t('job.privacy')}</div>
        </div>
      </div>
    </Columns>
  );
}

/** The page's one number, named by its heading. */
function Head({ job }: { job: Job }) {
  const { t, language } = useStrings();
  const modelName = useModelName();
  const { asset } = useSection('money');
  const isOurs = job.assetId === asset.id;
  return (
    <div className="job-title">
      <div>
        <h1 className="label">
          {t(job.side === 'sold' ? 'job.titleSold' : 'job.titleBought', {
            model: modelName(job.model),
            time: writeExactTime(job.createdAtMs, language),
          })}
        </h1>
        <p className="job-amount">
          {job.charged === null || job.assetId === null ? (
            <span className="hero-num">
              <Unknown about={t('job.notCharged')} />
            </span>
          ) : isOurs ? (
            <Amount baseUnits={job.charged} asset={asset} size="hero" />
          ) : (
            <AmountById baseUnits={job.charged} assetId={job.assetId} />
          )}
        </p>
        <p className="sm soft">
          {job.charged !== null && isOurs ? (
            <>
              <ExactAmount baseUnits={job.charged} asset={asset} />
              {' · '}
            </>
          ) : null}
          {t(`job.meaning.${job.state}`)}
        </p>
      </div>
      <JobTag state={job.state} />
    </div>
  );
}

/** Tokens per second from the first token to the last one. */
function Speed({ job, speed }: { job: Job; speed: SpeedCurve }) {
  const { t, language } = useStrings();
  const { tokensPerSecond, durationMs } = speed;
  const fromMs = Math.max(0, (job.firstTokenAtMs ?? job.createdAtMs) - job.createdAtMs);
  const written = (value: number) => writeMeasured(value, language);
  return (
    <Card
      title={t('job.speed')}
      aside={
        job.decodeTokensPerSecond === null ? null : (
          <span className="sm soft">
            <Fact about={t('job.speedKept')}>
              {t('speed.perSecond', { speed: written(job.decodeTokensPerSecond) })}
            </Fact>
          </span>
        )
      }
      isPadded
    >
      <div className="job-speed">
        <Bars
          values={tokensPerSecond}
          label={t('job.speedChart', {
            low: written(Math.min(...tokensPerSecond)),
            high: written(Math.max(...tokensPerSecond)),
          })}
        />
      </div>
      <div className="day-axis">
        <span>{`+${writeDuration(fromMs, language)}`}</span>
        <span>{`+${writeDuration(fromMs + durationMs, language)}`}</span>
      </div>
    </Card>
  );
}

function Details({ job, energy }: Pick<JobFacts, 'job' | 'energy'>) {
  const { t, language } = useStrings();
  const firstTokenMs =
    job.firstTokenAtMs === null || job.startedAtMs === null ? null : job.firstTokenAtMs - job.startedAtMs;
  const rows: (readonly [string, ReactNode])[] = [
    [t(job.side === 'sold' ? 'jobs.column.buyer' : 'jobs.column.provider'), <Peer key="peer" job={job} />],
    [t('job.model'), job.model],
    [t('jobs.column.input'), <Tokens key="input" job={job} direction="input" />],
    [t('jobs.column.output'), <Tokens key="output" job={job} direction="output" />],
    [
      t('job.speed'),
      job.decodeTokensPerSecond === null ? (
        <Unknown key="speed" />
      ) : (
        t('speed.perSecond', { speed: writeMeasured(job.decodeTokensPerSecond, language) })
      ),
    ],
    [
      t('job.firstToken'),
      firstTokenMs === null ? <Unknown key="first" /> : writeDuration(firstTokenMs, language),
    ],
    ...(job.side === 'sold' ? [[t('job.energy'), <Energy key="energy" energy={energy} />] as const] : []),
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
    [t('job.id'), <Identifier key="id" text={job.id} label={t('job.id')} />],
  ];
  if (job.apiKey !== null) rows.push([t('job.apiKey'), job.apiKey.name ?? t('keys.own')]);
  if (job.error !== null) rows.push([t('job.error'), job.error]);
  if (job.continues !== null) rows.push([t('job.continues'), <JobLink key="before" id={job.continues} />]);
  if (job.continuedBy !== null)
    rows.push([t('job.continuedBy'), <JobLink key="after" id={job.continuedBy} />]);
  return (
    <dl className="kv">
      {rows.map(([name, value]) => (
        <div className="kv-row" key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Tokens of one direction, and their part of the charge by the receipt, which is rounded only in sum. */
function Tokens({ job, direction }: { job: Job; direction: 'input' | 'output' }) {
  const { language } = useStrings();
  const { asset } = useSection('money');
  const unitName = useUnitName();
  const tokens = direction === 'input' ? job.inputTokens : job.outputTokens;
  if (tokens === null) return <Unknown />;
  const receipt = job.receipt === null || job.assetId !== asset.id ? null : readReceipt(job.receipt);
  if (receipt === null) return writeNumber(tokens, language);
  const { price, inputTokens, cachedTokens = 0, outputTokens } = receipt;
  const parts = chargeParts(price, { input: inputTokens, cached: cachedTokens, output: outputTokens });
  const { text, exact } = writeAmount(parts[direction].toString(), asset.decimals + MILLION_DIGITS, language);
  return (
    <>
      {writeNumber(tokens, language)}
      {' · '}
      <Fact
        about={text === exact ? null : `${exact} ${unitName(asset)}`}
      >{`${text} ${unitName(asset)}`}</Fact>
    </>
  );
}

/** A job that was bought took its energy elsewhere. */
function Energy({ energy }: { energy: JobEnergy | null }) {
  const { t, language } = useStrings();
  const { rate } = useSection('money');
  if (energy === null) return <Unknown about={t('job.energyUnknown')} />;
  const { wattHours, microUsd, watts, source } = energy;
  const written = writeNumber(wattHours, language, wattHours < 1 ? 3 : 1);
  return (
    <Fact about={t(`job.energyAbout.${source}`, { watts: writeNumber(watts, language) })}>
      {microUsd === null
        ? t('job.energyOnly', { energy: written })
        : t('job.energyCost', { energy: written, cost: writeMicroUsd(microUsd, rate, language) })}
    </Fact>
  );
}

function Peer({ job }: { job: Job }) {
  const { t } = useStrings();
  const { bittensorNames } = useSection('settings');
  const own = useSection('network').peer;
  if (job.peer === own) return t('jobs.you');
  const name = isHotkeyPeer(job.peer) ? bittensorNames[hotkeyOf(job.peer)] : undefined;
  if (isHordePeer(job.peer)) return t('horde.title');
  if (name !== undefined) return name;
  return <Identifier text={job.peer} label={t('job.peer')} />;
}

function JobLink({ id }: { id: string }) {
  return (
    <a href={hrefTo('jobs', id)}>
      <code>{shorten(id, 6, 6)}</code>
    </a>
  );
}

function Identifier({ text, label }: { text: string | null; label: string }) {
  if (text === null) return <Unknown />;
  return (
    <span className="identifier">
      <Fact about={text}>
        <code>{shorten(text, 6, 6)}</code>
      </Fact>{' '}
      <CopyButton text={text} label={label} isIcon />
    </span>
  );
}

/** Folded: few read it, and it is long. */
function ReceiptPart({ job }: { job: Job }) {
  const { t } = useStrings();
  if (job.receipt === null) {
    return (
      <Card title={t('job.receipt')} isPadded>
        <p className="sm soft">{t('job.noReceipt')}</p>
      </Card>
    );
  }
  const receipt = readReceipt(job.receipt);
  return (
    <Card title={t('job.receipt')}>
      <p className="job-receipt sm soft">{t('job.receiptWhat')}</p>
      <details className="fold">
        <summary>
          <Icon name="next" isSmall />
          {t('job.receiptShow')}
        </summary>
        {receipt ? <CopyBlock label={t('job.receiptRead')} text={JSON.stringify(receipt, null, 2)} /> : null}
        <CopyBlock label={t('job.receiptSigned')} text={job.receipt} />
      </details>
    </Card>
  );
}
