/** Settings page: signs that pause the work, the schedule with its preview, and the electricity price. */
import type { Settings, SettingsPatch } from '../../shared/settings.ts';
import { useAnswer } from '../calls.ts';
import { SchedulePreview } from '../parts/schedule-preview.tsx';
import { AmountField, Part, Toggle } from '../parts/setting.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { WeekGrid } from '../parts/week-grid.tsx';
import { agent, useSection } from '../store.ts';

/** Electricity prices are stored in millionths of a US dollar. */
const USD_DECIMALS = 6;

export function RuleParts({
  settings,
  change,
}: {
  settings: Settings;
  change: (patch: SettingsPatch) => void;
}) {
  const { t } = useStrings();
  const signs = ['pauseForFullScreen', 'pauseForDisplayAwake', 'pauseForOtherPrograms'] as const;
  return (
    <>
      <Part title={t('settings.heed')} note={t('settings.heedNote')}>
        {signs.map((name) => (
          <Toggle
            key={name}
            label={t(`settings.${name}`)}
            isSelected={settings[name]}
            isDisabled={settings.runWhen === 'always'}
            onChange={(on) => change({ [name]: on })}
          />
        ))}
      </Part>
      <SchedulePart settings={settings} change={change} />
    </>
  );
}

/** The hours in which Idlewatt may run, and what electricity costs. */
export function SchedulePart({
  settings,
  change,
}: {
  settings: Settings;
  change: (patch: SettingsPatch) => void;
}) {
  const { t } = useStrings();
  return (
    <Part title={t('settings.schedule')} note={t('settings.gridNote')}>
      <Toggle
        label={t('settings.scheduleOn')}
        isSelected={settings.scheduleOn}
        onChange={(scheduleOn) => change({ scheduleOn })}
      />
      {settings.scheduleOn ? (
        <WeekGrid
          label={t('settings.scheduleGrid')}
          week={settings.schedule}
          onChange={(schedule) => change({ schedule })}
        />
      ) : null}
      <Toggle
        label={t('settings.cheapOn')}
        isSelected={settings.onlyOffPeakHours}
        onChange={(onlyOffPeakHours) => change({ onlyOffPeakHours })}
      />
      {settings.onlyOffPeakHours ? (
        <WeekGrid
          label={t('settings.cheapGrid')}
          week={settings.offPeakHours}
          onChange={(offPeakHours) => change({ offPeakHours })}
        />
      ) : null}
      <Preview settings={settings} />
      {(['powerPriceMicroUsd', 'offPeakPowerPriceMicroUsd'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(name === 'powerPriceMicroUsd' ? 'settings.powerPrice' : 'settings.cheapPowerPrice')}
          unit={t('settings.perKilowattHour')}
          decimals={USD_DECIMALS}
          isOptional
          value={settings[name] === null ? null : String(settings[name])}
          onCommit={(price) => change({ [name]: price === null ? null : Number(price) })}
        />
      ))}
    </Part>
  );
}

const REFRESH_MS = 60_000;

/** The result of the rules above. The agent computes it, because the agent applies the rules. */
function Preview({ settings }: { settings: Settings }) {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const nowMs = useNow(REFRESH_MS);
  const { scheduleOn, schedule, onlyOffPeakHours, offPeakHours } = settings;
  const rules = [scheduleOn, schedule, onlyOffPeakHours, offPeakHours, presence.reason, presence.untilMs];
  const key = JSON.stringify([Math.floor(nowMs / REFRESH_MS), ...rules]);
  const { data } = useAnswer(key, () => agent.presence.schedulePreview({}));
  if (data === null) return null;
  return (
    <section aria-labelledby="settings-schedule-preview">
      <h3 id="settings-schedule-preview">{t('ahead.title')}</h3>
      <p className="soft">{t('ahead.what', { zone: data.timeZone })}</p>
      <SchedulePreview day={data} />
    </section>
  );
}
