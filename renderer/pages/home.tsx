/** Home page: the status with its one reason, the main button, earnings, and what runs now. */
import type { AgentState } from '../../shared/api/state.ts';
import { type Status, statusOf } from '../../shared/status.ts';
import { writeDuration, writeExactTime, writeMeasured, writeMoment, writeNumber } from '../format.ts';
import { Amount, useAmountText } from '../parts/amount.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact, Figure, Unknown } from '../parts/fact.tsx';
import { Notices } from '../parts/notices.tsx';
import { PauseButton, RemedyButton } from '../parts/pause.tsx';
import { StatusMark } from '../parts/status-mark.tsx';
import { useModelName, useNow, useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { useSection } from '../store.ts';
import { DayForecast } from './home-forecast.tsx';

export function Home() {
  return (
    <>
      <StatusHead />
      <Notices />
      <Money />
      <DayForecast />
      <Now />
      <HandBacks />
      <Practice />
    </>
  );
}

function StatusHead() {
  const { t, language } = useStrings();
  const work = useSection('work');
  const settings = useSection('settings');
  const { profile } = useSection('app');
  const modelName = useModelName();
  const nowMs = useNow(5_000);
  const { status, why, remedy } = statusOf(work);
  const practising = status === 'earning' && profile === 'practice';
  return (
    <section className={`lead is-${status}`}>
      <h1>
        <span className="lead-status">
          <StatusMark status={status} />
          {t('status.sentence', { status: practising ? t('status.practising') : t(`status.${status}`) })}
        </span>{' '}
        <span className="lead-why">
          {t(`why.${why}`, {
            count: work.activeJobs.length,
            model: work.model === null ? t('common.aModel') : modelName(work.model),
            speed:
              work.tokensPerSecond === null
                ? ''
                : t('speed.atClause', { speed: writeMeasured(work.tokensPerSecond, language) }),
            minutes: settings.idleMinutes,
            time: work.presence.untilMs === null ? '' : writeMoment(work.presence.untilMs, nowMs, language),
          })}
        </span>
      </h1>
      <div className="lead-actions">
        <PauseButton />
        <RemedyButton remedy={remedy} />
        <p className="lead-since">
          {t('home.since', { time: writeMoment(work.presence.sinceMs, nowMs, language) })}
        </p>
      </div>
      <CostOfWaiting status={status} />
    </section>
  );
}

/** Cost of one hour of waiting, from the average earnings per hour in which Idlewatt could run. */
function CostOfWaiting({ status }: { status: Status }) {
  const { t, language } = useStrings();
  const { perHour } = useSection('work');
  const { asset } = useSection('money');
  const amountText = useAmountText();
  if (status !== 'waiting' && status !== 'paused' && status !== 'stopped') return null;
  return (
    <p className="soft">
      {perHour === null
        ? t('home.perHourUnknown')
        : t('home.perHour', {
            amount: amountText(perHour.earned, asset),
            hours: writeNumber(perHour.hours, language),
          })}
    </p>
  );
}

function Money() {
  const { t } = useStrings();
  const money = useSection('money');
  const work = useSection('work');
  const amountText = useAmountText();
  const ledger = t('source.ledger');
  return (
    <section aria-labelledby="home-money">
      <div className="section-head">
        <h2 id="home-money">{t('home.earned')}</h2>
        <a href={hrefTo('earnings')}>{t('home.openEarnings')}</a>
      </div>
      <dl className="figures">
        <Figure
          label={t('home.today')}
          note={t('home.jobsToday', { count: work.jobsToday.served, failed: work.jobsToday.failed })}
        >
          <Amount baseUnits={money.earnedToday} asset={money.asset} about={ledger} />
        </Figure>
        <Figure label={t('home.week')}>
          <Amount baseUnits={money.earnedThisWeek} asset={money.asset} about={ledger} />
        </Figure>
        <Figure label={t('home.total')}>
          <Amount baseUnits={money.earnedTotal} asset={money.asset} about={ledger} />
        </Figure>
        <Figure
          label={t('home.waiting')}
          note={
            money.waitingReason === null
              ? t('waiting.none')
              : t(`waiting.${money.waitingReason}`, {
                  threshold: amountText(money.settleThreshold, money.asset),
                })
          }
        >
          <Amount baseUnits={money.owed} asset={money.asset} about={t('source.owed')} />
        </Figure>
      </dl>
    </section>
  );
}

function Now() {
  const { t, language } = useStrings();
  const work = useSection('work');
  const machine = useSection('machine');
  const speedAt = work.tokensPerSecondAtMs;
  const readAbout =
    machine.readAtMs === null
      ? t('machine.neverRead')
      : t('machine.readAt', { time: writeExactTime(machine.readAtMs, language) });
  return (
    <section aria-labelledby="home-now">
      <div className="section-head">
        <h2 id="home-now">{t('home.now')}</h2>
        <p className="section-aside">
          {work.tokensPerSecond === null ? (
            <span>
              {t('home.speed')}: <Unknown about={t('source.noSpeed')} />
            </span>
          ) : (
            <Fact
              about={t(work.activeJobs.length > 0 ? 'source.speedNow' : 'source.speedLast', {
                time: speedAt === null ? t('common.unknown') : writeExactTime(speedAt, language),
              })}
            >
              {t('speed.perSecond', { speed: writeMeasured(work.tokensPerSecond, language) })}
            </Fact>
          )}
          {machine.temperatureCelsius === null ? null : (
            <Fact about={readAbout}>{`${writeNumber(machine.temperatureCelsius, language)} °C`}</Fact>
          )}
          {machine.watts === null ? null : (
            <Fact about={readAbout}>{`${writeNumber(machine.watts, language)} W`}</Fact>
          )}
        </p>
      </div>
      {work.activeJobs.length === 0 ? (
        <Empty title={t('home.noJob')}>
          <p>{t(work.presence.decision === 'pause' ? 'home.noJobPaused' : 'home.noJobRunning')}</p>
        </Empty>
      ) : (
        <ul className="rows">
          {work.activeJobs.map((job) => (
            <ActiveJob key={job.id} job={job} />
          ))}
        </ul>
      )}
    </section>
  );
}

function ActiveJob({ job }: { job: AgentState['work']['activeJobs'][number] }) {
  const { t, language } = useStrings();
  const modelName = useModelName();
  const nowMs = useNow();
  return (
    <li className="row">
      <a className="row-title" href={hrefTo('jobs', job.id)}>
        {modelName(job.model)}
      </a>
      <span className="row-note">{t('home.jobFor', { requester: job.requester })}</span>
      <span className="row-number">{t('tokens', { count: job.outputTokens })}</span>
      <span className="row-number">
        {job.tokensPerSecond === null ? (
          <Unknown about={t('source.twoTokens')} />
        ) : (
          t('speed.perSecond', { speed: writeMeasured(job.tokensPerSecond, language) })
        )}
      </span>
      <span className="row-number">{writeDuration(Math.max(0, nowMs - job.startedAtMs), language)}</span>
    </li>
  );
}

/** Measured time from the decision to pause until the machine was free: the latest and the slowest. */
function HandBacks() {
  const { t, language } = useStrings();
  const { handBacks } = useSection('work');
  const nowMs = useNow(60_000);
  const [last] = handBacks;
  const slowest = Math.max(...handBacks.map(({ durationMs }) => durationMs));
  const inMs = (durationMs: number) => t('home.milliseconds', { ms: writeNumber(durationMs, language) });
  return (
    <section aria-labelledby="home-given-back">
      <h2 id="home-given-back">{t('home.givenBack')}</h2>
      {last === undefined ? (
        <p>{t('home.neverGivenBack')}</p>
      ) : (
        <dl className="figures">
          <Figure
            label={t('home.givenBackLast')}
            note={t(`home.givenBackHow.${last.how}`, {
              count: last.jobs,
              time: writeMoment(last.atMs, nowMs, language),
            })}
          >
            <Fact about={t('source.handBack', { time: writeExactTime(last.atMs, language) })}>
              {inMs(last.durationMs)}
            </Fact>
          </Figure>
          <Figure
            label={t('home.givenBackSlowest')}
            note={t('home.givenBackTimes', { count: handBacks.length })}
          >
            <Fact about={t('source.handBacks')}>{inMs(slowest)}</Fact>
          </Figure>
        </dl>
      )}
    </section>
  );
}

/** Explains the practice network, because Idlewatt starts it automatically. */
function Practice() {
  const { t } = useStrings();
  const { profile } = useSection('app');
  if (profile !== 'practice') return null;
  return (
    <section className="practice-card" aria-labelledby="home-practice">
      <h2 id="home-practice">{t('practice.title')}</h2>
      <p>{t('practice.what')}</p>
      <p>{t('practice.worth')}</p>
      <p>
        {t('practice.leave')} <code className="unbroken">npm start -- --profile open</code>
      </p>
    </section>
  );
}
