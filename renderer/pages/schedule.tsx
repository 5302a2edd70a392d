/** Schedule page: the week painted hour by hour, the next 24 hours under all rules, and what electricity costs. */
import { useState } from 'react';
import type { SettingsPatch } from '../../shared/settings.ts';
import { type Week, type WeekHour, withHour } from '../../shared/week.ts';
import { useAnswer } from '../calls.ts';
import { writeMoment } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { type Change, SettingsForm } from '../parts/doubts.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { StartMenu } from '../parts/pause.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { RuledNote, useIsRuled } from '../parts/ruled-note.tsx';
import { SchedulePreview } from '../parts/schedule-preview.tsx';
import { Segments } from '../parts/segments.tsx';
import { AmountField, Count, Toggle } from '../parts/setting.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { type Area, isWithin, WeekGrid } from '../parts/week-grid.tsx';
import { agent, useSection } from '../store.ts';

/** Electricity prices are stored in millionths of a US dollar. */
const USD_DECIMALS = 6;
const POWER_PRICE_MAX = 100_000_000;
const WORK_WATTS_MAX = 10_000;
const REFRESH_MS = 60_000;
const WORKDAYS = 5;

const BRUSHES = ['run', 'never', 'offPeak', 'peak'] as const;
type Brush = (typeof BRUSHES)[number];

export function Schedule() {
  const { t } = useStrings();
  return (
    <SettingsForm>
      {(change, saving) => (
        <>
          <PageHead title={t('nav.schedule')} lead={t('settings.gridNote')} />
          <ProblemNote problem={saving.problem} />
          <RuledNote groups={['schedule']} />
          <WeekCard change={change} />
          <Columns kind="wide">
            <NextHours />
            <Rules change={change} />
          </Columns>
          <Electricity change={change} />
        </>
      )}
    </SettingsForm>
  );
}

/** Painting turns the schedule on: otherwise the hours would have no effect. */
function WeekCard({ change }: { change: Change }) {
  const { t } = useStrings();
  const settings = useSection('settings');
  const { schedule, offPeakHours, runWhen } = settings;
  // All settings of this page are set together.
  const isRuled = useIsRuled()('schedule');
  const [brush, setBrush] = useState<Brush>('run');
  const [before, setBefore] = useState<SettingsPatch | null>(null);
  const keep = (patch: SettingsPatch) => {
    setBefore({ schedule, offPeakHours, scheduleOn: settings.scheduleOn });
    change(patch);
  };
  const paint = (area: Area) => {
    if (brush === 'run' || brush === 'never') {
      keep({ schedule: painted(schedule, area, brush === 'run'), scheduleOn: true });
    } else keep({ offPeakHours: painted(offPeakHours, area, brush === 'offPeak') });
  };
  const copyMonday = () => {
    const copied = (week: Week) => week.map((day, index) => (index < WORKDAYS ? (week[0] ?? day) : day));
    keep({ schedule: copied(schedule), offPeakHours: copied(offPeakHours) });
  };
  return (
    <Card label={t('settings.scheduleGrid')} isPadded>
      <div className="week-head">
        <Segments
          label={t('settings.brushes')}
          value={brush}
          isDisabled={isRuled}
          onChange={setBrush}
          options={BRUSHES.map((value) => ({
            value,
            label: t(
              value === 'run' && runWhen === 'always' ? 'settings.brush.always' : `settings.brush.${value}`,
            ),
          }))}
        />
        <span className="week-acts">
          <ActionButton
            kind="quiet"
            isSmall
            isDisabled={before === null || isRuled}
            onPress={() => {
              if (before) change(before);
              setBefore(null);
            }}
          >
            {t('settings.undo')}
          </ActionButton>
          <ActionButton isSmall isDisabled={isRuled} onPress={copyMonday}>
            {t('settings.copyMonday')}
          </ActionButton>
        </span>
      </div>
      {isRuled ? null : <p className="week-how sm soft">{t('settings.paintHow')}</p>}
      <WeekGrid
        label={t('settings.scheduleGrid')}
        hours={settings.scheduleOn ? schedule : ALWAYS_ON}
        offPeak={offPeakHours}
        isAlways={runWhen === 'always'}
        now={useLocalHour()}
        isDisabled={isRuled}
        onPaint={paint}
      />
      <p className="key week-key">
        <span>
          <i className="tariff low" />
          {t('settings.cheapGrid')}
        </span>
        {settings.scheduleOn ? null : <span>{t('settings.scheduleOff')}</span>}
      </p>
    </Card>
  );
}

const ALWAYS_ON: Week = Array.from({ length: 7 }, () => '1'.repeat(24));

function painted(week: Week, area: Area, on: boolean): Week {
  let next = week;
  for (let weekday = 0; weekday < week.length; weekday += 1) {
    for (let hour = 0; hour < 24; hour += 1) {
      if (isWithin(area, { weekday, hour })) next = withHour(next, { weekday, hour }, on);
    }
  }
  return next;
}

/** The hour of this browser's clock, which is the machine's in the desktop app. */
function useLocalHour(): WeekHour {
  const now = new Date(useNow(REFRESH_MS));
  return { weekday: (now.getDay() + 6) % 7, hour: now.getHours() };
}

/** The result of all rules. The agent computes it, because the agent applies the rules. */
function NextHours() {
  const { t } = useStrings();
  const settings = useSection('settings');
  const { presence } = useSection('work');
  const nowMs = useNow(REFRESH_MS);
  const { scheduleOn, schedule, onlyOffPeakHours, offPeakHours } = settings;
  const rules = [scheduleOn, schedule, onlyOffPeakHours, offPeakHours, presence.reason, presence.untilMs];
  const key = JSON.stringify([Math.floor(nowMs / REFRESH_MS), ...rules]);
  const { data, problem } = useAnswer(key, () => agent.presence.schedulePreview({}));
  return (
    <Card title={t('ahead.title')} isPadded>
      <ProblemNote problem={problem} />
      {data ? (
        <>
          <SchedulePreview day={data} isAlways={settings.runWhen === 'always'} />
          <p className="sm soft">{t('ahead.what', { zone: data.timeZone })}</p>
        </>
      ) : null}
    </Card>
  );
}

/** A time in which Idlewatt runs although the owner uses the machine; where it always does so, there is nothing to start. */
function RunNow() {
  const { t, language } = useStrings();
  const { runWhen } = useSection('settings');
  const { presence } = useSection('work');
  const nowMs = useNow(REFRESH_MS);
  if (runWhen === 'always') return null;
  const untilMs = presence.reason === 'started-by-owner' ? presence.untilMs : null;
  return (
    <div className="row-line">
      <span className="grow">
        <b>{t('settings.runNow')}</b>
        <span className="sm">
          {untilMs === null
            ? t('settings.runNowNote')
            : t('settings.runNowUntil', { time: writeMoment(untilMs, nowMs, language) })}
        </span>
      </span>
      <StartMenu />
    </div>
  );
}

function Rules({ change }: { change: Change }) {
  const { t } = useStrings();
  const isRuled = useIsRuled();
  const settings = useSection('settings');
  return (
    <Card label={t('settings.schedule')} className="rows">
      <RunNow />
      <Toggle
        label={t('settings.scheduleOn')}
        isSelected={settings.scheduleOn}
        isDisabled={isRuled('scheduleOn')}
        onChange={(scheduleOn) => change({ scheduleOn })}
      />
      <Toggle
        label={t('settings.cheapOn')}
        isSelected={settings.onlyOffPeakHours}
        isDisabled={isRuled('onlyOffPeakHours')}
        onChange={(onlyOffPeakHours) => change({ onlyOffPeakHours })}
      />
    </Card>
  );
}

/** Electricity prices, and the power draw of the work where no sensor measures it. */
function Electricity({ change }: { change: Change }) {
  const { t } = useStrings();
  const settings = useSection('settings');
  return (
    <Card title={t('earnings.electricity')} className="rows power-fields">
      {(['powerPriceMicroUsd', 'offPeakPowerPriceMicroUsd'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(name === 'powerPriceMicroUsd' ? 'settings.powerPrice' : 'settings.cheapPowerPrice')}
          unit={t('settings.perKilowattHour')}
          decimals={USD_DECIMALS}
          isOptional
          limits={{ min: 0, max: POWER_PRICE_MAX }}
          value={settings[name] === null ? null : String(settings[name])}
          onCommit={(price) => change({ [name]: price === null ? null : Number(price) })}
        />
      ))}
      <Count
        label={t('settings.workWatts')}
        note={t('settings.workWattsNote')}
        unit="W"
        value={settings.workWatts}
        minimum={1}
        maximum={WORK_WATTS_MAX}
        isOptional
        onCommit={(workWatts) => change({ workWatts })}
      />
    </Card>
  );
}
