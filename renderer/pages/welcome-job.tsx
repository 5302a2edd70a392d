/** First run, step 3: the first job from request to payment, and the settings that matter on the first day. */
import type { Job } from '../../shared/jobs.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { useAnswer, useChanges } from '../calls.ts';
import { writeDuration, writeMeasured } from '../format.ts';
import { Amount, useAmountText } from '../parts/amount.tsx';
import { ActionLink } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useIsRuled } from '../parts/ruled-note.tsx';
import { Toggle } from '../parts/setting.tsx';
import { StepHead } from '../parts/step-head.tsx';
import { Story, StoryStep } from '../parts/story.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { useShownStatus } from '../shown-status.ts';
import { agent, useSection } from '../store.ts';

export function FirstJob() {
  const { t } = useStrings();
  const { jobsToday } = useSection('work');
  const { profile } = useSection('app');
  const { sentence } = useShownStatus();
  const { data } = useAnswer(`first ${String(jobsToday.served)}`, () =>
    agent.jobs.list({ side: 'sold', outcome: 'served', limit: 5 }),
  );
  const job = data?.jobs.find(({ charged }) => charged !== null) ?? null;
  const lead = profile === 'practice' ? 'practice' : 'real';
  return (
    <>
      <StepHead
        title={t(job === null ? 'welcome.job.titleWaiting' : 'welcome.job.titleDone')}
        lead={job === null ? sentence : t(`welcome.job.lead.${lead}`)}
      />
      <Columns kind="wide">
        <JobCard job={job} />
        <FirstSettings />
      </Columns>
    </>
  );
}

function JobCard({ job }: { job: Job | null }) {
  const { t, language } = useStrings();
  const { asset, settleThreshold } = useSection('money');
  const { activeJobs } = useSection('work');
  const exactText = useAmountText();
  const charged = job?.charged ?? '0';
  const after = (atMs: number | null | undefined) =>
    job === null || !atMs ? null : writeDuration(atMs - job.createdAtMs, language);
  const state = job === null ? 'todo' : 'done';
  return (
    <Card label={t('welcome.job.label')} isPadded className="first-job">
      <div>
        <p className="label">{t('welcome.job.earned')}</p>
        <p className="today-amount">
          <Amount baseUnits={charged} asset={asset} size="hero" isPlain />
        </p>
        <p className="sm soft">{exactText(charged, asset)}</p>
      </div>
      <Story label={t('welcome.job.label')}>
        <StoryStep
          state={job ? 'done' : activeJobs.length > 0 ? 'now' : 'todo'}
          title={<b>{t('welcome.job.asked')}</b>}
        />
        <StoryStep
          state={state}
          title={<b>{t('welcome.job.answered')}</b>}
          note={
            job?.outputTokens
              ? t('welcome.job.tokens', {
                  count: job.outputTokens,
                  speed:
                    job.decodeTokensPerSecond === null
                      ? t('common.unknown')
                      : writeMeasured(job.decodeTokensPerSecond, language),
                })
              : null
          }
          time={after(job?.endedAtMs)}
        />
        <StoryStep state={state} title={<b>{t('welcome.job.recorded')}</b>} time={after(job?.endedAtMs)} />
        <StoryStep
          state="todo"
          title={t('welcome.job.paidOut', {
            threshold: exactText(settleThreshold, { ...asset, practice: false }),
          })}
          time={t('welcome.job.later')}
        />
      </Story>
    </Card>
  );
}

function FirstSettings() {
  const { t } = useStrings();
  const settings = useSection('settings');
  const { host } = useSection('app');
  const isRuled = useIsRuled();
  const change = useChanges((patch: SettingsPatch) => agent.settings.change(patch));
  return (
    <section className="card rows" aria-label={t('nav.settings')}>
      {host === 'desktop' ? (
        <Toggle
          label={t('settings.start')}
          note={t('welcome.settings.start')}
          isSelected={settings.startWithSystem}
          onChange={(startWithSystem) => change.run({ startWithSystem })}
        />
      ) : null}
      <Toggle
        label={t('settings.run.idle')}
        note={t('welcome.settings.idle', { minutes: settings.idleMinutes })}
        isSelected={settings.runWhen === 'idle'}
        isDisabled={isRuled('runWhen')}
        onChange={(on) => change.run({ runWhen: on ? 'idle' : 'always' })}
      />
      <Toggle
        label={t('settings.battery')}
        note={t('settings.batteryNote')}
        isSelected={settings.runOnBattery}
        isDisabled={isRuled('runOnBattery')}
        onChange={(runOnBattery) => change.run({ runOnBattery })}
      />
      <div className="row-line">
        <span className="grow">
          <b>{t('welcome.settings.comfort')}</b>
          <span className="sm">{t('welcome.settings.comfortNote')}</span>
        </span>
        <ActionLink isSmall href={hrefTo('machine')}>
          {t('welcome.settings.change')}
        </ActionLink>
      </div>
      <p className="sm soft">{t('welcome.settings.real')}</p>
      <ProblemNote problem={change.problem} />
    </section>
  );
}
