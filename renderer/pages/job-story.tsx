/** Story of a job: what happened to it, what happens now, and what is still to come until the money arrives. */

import type { ReactNode } from 'react';
import { ANSWERS_PER_FALSE_ALARM, type AnswerCheck, HONEST_GAP_MEAN_MAX } from '../../shared/answer-check.ts';
import { type ChoiceNote, readChoice } from '../../shared/choice-note.ts';
import type { Job, JobEvent } from '../../shared/jobs.ts';
import { shorten, writeDuration, writeMeasured, writeNumber } from '../format.ts';
import { useMoneyText } from '../parts/amount.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { Fact } from '../parts/fact.tsx';
import { usePayoutDay } from '../parts/forecast.ts';
import { Story, StoryStep } from '../parts/story.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

interface Step {
  readonly key: string;
  readonly state: 'done' | 'failed';
  readonly title: string;
  readonly note: ReactNode;
  readonly atMs: number;
}

interface Told {
  readonly job: Job;
  readonly events: readonly JobEvent[];
  /** Null if it isn't known. */
  readonly device: string | null;
  /** Null if its answer wasn't checked. */
  readonly check: AnswerCheck | null;
}

export function JobStory(told: Told) {
  const { job } = told;
  const { t, language } = useStrings();
  const steps = useSteps(told);
  return (
    <Story label={t('job.story')}>
      {steps.map((step, index) => (
        <StoryStep
          key={step.key}
          state={step.state}
          title={<b>{step.title}</b>}
          note={step.note}
          time={
            <time dateTime={new Date(step.atMs).toISOString()}>
              {index === 0
                ? new Intl.DateTimeFormat(language, { timeStyle: 'medium' }).format(step.atMs)
                : `+${writeDuration(Math.max(0, step.atMs - job.createdAtMs), language)}`}
            </time>
          }
        />
      ))}
      <ToCome job={job} />
    </Story>
  );
}

/** The stored events, with the first token and the check of the answer between them. */
function useSteps({ job, events, device, check }: Told): readonly Step[] {
  const { t, language } = useStrings();
  const own = useSection('network').peer;
  const peer = job.peer === own ? t('jobs.you') : shorten(job.peer.replace(/^12D3KooW/, ''), 4, 4);
  const tokens = (count: number | null) => writeNumber(count ?? 0, language);
  const steps = events.map((event, index): Step => {
    const isBad = event.state === 'failed' || event.state === 'aborted' || event.state === 'refused';
    return {
      key: `${event.state}-${String(index)}`,
      state: isBad ? 'failed' : 'done',
      title: t(`job.step.${event.state}`),
      note: noteOf(event),
      atMs: event.atMs,
    };
  });
  if (job.firstTokenAtMs !== null) {
    const at = job.firstTokenAtMs;
    insert({
      key: 'first-token',
      state: 'done',
      title: t('job.step.firstToken'),
      note: job.inputTokens === null ? null : t('job.stepNote.read', { tokens: tokens(job.inputTokens) }),
      atMs: at,
    });
  }
  if (check !== null) {
    insert({
      key: 'check',
      state: check.isAlarm ? 'failed' : 'done',
      title: t('job.step.checked'),
      note: <Check job={job} check={check} />,
      atMs: check.atMs,
    });
  }
  return steps;

  function insert(step: Step): void {
    const place = steps.findIndex(({ atMs }) => atMs > step.atMs);
    steps.splice(place < 0 ? steps.length : place, 0, step);
  }

  function noteOf({ state, note }: JobEvent): ReactNode {
    if (state === 'admitted') {
      if (job.side === 'sold') return t('job.stepNote.from', { peer });
      const choice = note === null ? null : readChoice(note);
      return (
        <>
          {t('job.stepNote.to', { peer })}
          {choice === null ? null : <Choice choice={choice} />}
        </>
      );
    }
    if (state === 'delivered' && job.outputTokens !== null) {
      const speed = job.decodeTokensPerSecond;
      return speed === null
        ? t('job.stepNote.tokens', { tokens: tokens(job.outputTokens) })
        : t('job.stepNote.tokensAt', {
            tokens: tokens(job.outputTokens),
            speed: writeMeasured(speed, language),
          });
    }
    if (state === 'running' && device !== null) return t('job.stepNote.on', { device });
    if (note === null) return null;
    if (/^0x[0-9a-fA-F]{64}$/.test(note)) return <Transaction hash={note} />;
    if (note === 'by owner' || note === 'by requester')
      return t(`job.stepNote.${note === 'by owner' ? 'owner' : 'requester'}`);
    return note;
  }
}

/** The reason for this provider, and the amounts with which it was compared. */
function Choice({ choice }: { choice: ChoiceNote }) {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const percent = (part: number) =>
    writeNumber(choice.price > 0 ? (100 * part) / choice.price : 0, language, 1);
  const about = t('job.choiceAbout', {
    price: moneyText(String(Math.round(choice.price)), asset),
    time: percent(choice.time),
    failure: percent(choice.failure),
    standing: percent(choice.standing),
  });
  return (
    <>
      {': '}
      <Fact about={about}>{t(`job.choice.${choice.reason}`, { total: choice.of })}</Fact>
    </>
  );
}

/** The result of repeating or comparing the answer: here if it was bought, at its buyer if it was sold. */
function Check({ job, check }: { job: Job; check: AnswerCheck }) {
  const { t, language } = useStrings();
  const { tokens, differing, gapMean, logStanding, isAlarm } = check;
  const isSold = job.side === 'sold';
  const percent = Math.min(100, (100 * logStanding) / Math.log(ANSWERS_PER_FALSE_ALARM));
  const shownPercent = writeNumber(percent, language);
  const about =
    gapMean === null
      ? t(isSold ? 'job.compareReportAbout' : 'job.compareAbout', { percent: shownPercent })
      : t(isSold ? 'job.reportAbout' : 'job.checkAbout', {
          gap: writeNumber(gapMean, language, 3),
          honest: writeNumber(HONEST_GAP_MEAN_MAX, language, 2),
          percent: shownPercent,
        });
  const [reported, alarm, usual] =
    gapMean === null
      ? (['comparedReported', 'comparedAlarm', 'compared'] as const)
      : (['reported', 'checkedAlarm', 'checked'] as const);
  const kind = isSold ? reported : isAlarm ? alarm : usual;
  const counts = {
    same: writeNumber(tokens - differing, language),
    tokens: writeNumber(tokens, language),
  };
  return <Fact about={about}>{t(`job.stepNote.${kind}`, counts)}</Fact>;
}

function Transaction({ hash }: { hash: string }) {
  const { t } = useStrings();
  return (
    <span className="identifier">
      <Fact about={hash}>
        <code>{shorten(hash, 6, 6)}</code>
      </Fact>{' '}
      <CopyButton text={hash} label={t('entry.transaction')} isIcon />
    </span>
  );
}

/** Steps between the charge and the wallet; none for a purchase, or after the payout. */
function ToCome({ job }: { job: Job }) {
  const { t } = useStrings();
  const money = useSection('money');
  const moneyText = useMoneyText();
  const payoutDay = usePayoutDay();
  if (job.side === 'bought') return null;
  if (job.state === 'running' || job.state === 'admitted' || job.state === 'delivered') {
    return <StoryStep state="now" title={<b>{t('job.step.now')}</b>} />;
  }
  if (job.state !== 'charged' && job.state !== 'claimed') return null;
  return (
    <>
      <StoryStep
        state="now"
        title={<b>{t('job.step.pending')}</b>}
        note={t('job.stepNote.pending', {
          owed: moneyText(String(BigInt(money.owed) + BigInt(money.claimed)), money.asset),
          threshold: moneyText(money.settleThreshold, money.asset),
        })}
      />
      <StoryStep
        state="todo"
        title={<span className="soft">{t('job.step.wallet')}</span>}
        time={payoutDay === null ? null : t('payout.about', { day: payoutDay })}
      />
    </>
  );
}
