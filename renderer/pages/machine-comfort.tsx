/** Machine page: the limits for idle work, the switch of a GPU, and the readings behind the decision to run. */
import type { ReactNode } from 'react';
import { COMFORT_MAX, COMFORT_MIN, comfortLimits, comfortSchema, HOT_CELSIUS } from '../../shared/comfort.ts';
import { READING_NAMES, type ReadingName, type Readings } from '../../shared/readings.ts';
import type { Settings, SettingsPatch } from '../../shared/settings.ts';
import { type Problem, useChanges } from '../calls.ts';
import { GIGABYTE, writeBytes, writeDuration, writeExactTime, writeNumber, writePercent } from '../format.ts';
import { useIsFree, useMoneyText } from '../parts/amount.tsx';
import { Card } from '../parts/card.tsx';
import { type Change, SettingsForm } from '../parts/doubts.tsx';
import { Fact } from '../parts/fact.tsx';
import { useForecast } from '../parts/forecast.ts';
import { Icon } from '../parts/icon.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { RuledNote, useIsRuled } from '../parts/ruled-note.tsx';
import { Count, Toggle } from '../parts/setting.tsx';
import { StopSlider } from '../parts/slider.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

const STEPS = [1, 2, 3, 4, 5] as const;

export function Comfort() {
  return (
    <SettingsForm>
      {(change, saving) => (
        <>
          <RuledNote groups={['intensity', 'models']} />
          <Limits change={change} problem={saving.problem} />
        </>
      )}
    </SettingsForm>
  );
}

function Limits({ change, problem }: { change: Change; problem: Problem | null }) {
  const { t, language } = useStrings();
  const settings = useSection('settings');
  const { comfort, wattsMax, graphicsMemoryBytesMax } = settings;
  const { devices } = useSection('machine');
  const hasCard = devices.some(({ kind }) => kind === 'gpu');
  const limits = comfortLimits(comfort);
  const isRuled = useIsRuled();
  return (
    <Card title={t('settings.comfort')} aside={<Yield />}>
      <div className="pad">
        <StopSlider
          label={t('settings.comfort')}
          value={comfort}
          minimum={COMFORT_MIN}
          maximum={COMFORT_MAX}
          isDisabled={isRuled('comfort')}
          stops={STEPS.map((step) => t(`settings.comfortStep.${step}`))}
          onChange={(value) => change({ comfort: comfortSchema.parse(value) })}
        />
        <p className="machine-comfort sm soft">
          {t('settings.comfortMeaning', {
            cores: writeNumber(limits.coresPercent, language),
            duty: writeNumber(limits.dutyPercent, language),
            celsius: writeNumber(limits.processorCelsiusMax, language),
            hot: writeNumber(limits.processorCelsiusMax + HOT_CELSIUS, language),
          })}
        </p>
      </div>
      <div className="rows machine-limits">
        <Count
          label={t('settings.watts')}
          note={t('settings.wattsNote')}
          unit="W"
          value={wattsMax}
          minimum={1}
          maximum={10_000}
          isOptional
          isDisabled={isRuled('wattsMax')}
          onCommit={(watts) => change({ wattsMax: watts })}
        />
        <Count
          label={t('settings.graphicsMemory')}
          note={t(hasCard ? 'settings.graphicsMemoryNote' : 'settings.graphicsMemoryNoCard')}
          unit="GB"
          value={graphicsMemoryBytesMax === null ? null : graphicsMemoryBytesMax / GIGABYTE}
          minimum={1}
          maximum={10_000}
          isOptional
          onCommit={(gigabytes) =>
            change({ graphicsMemoryBytesMax: gigabytes === null ? null : gigabytes * GIGABYTE })
          }
        />
        <ModelMemory settings={settings} change={change} />
      </div>
      <ProblemNote problem={problem} />
    </Card>
  );
}

/** Power and earnings of a day at the chosen intensity; unknown, with the reason, where they aren't measured. */
function Yield() {
  const { t, language } = useStrings();
  const { asset } = useSection('money');
  const { wattsMax } = useSection('settings');
  const moneyText = useMoneyText();
  const isFree = useIsFree();
  const data = useForecast();
  if (data === null) return null;
  const { forecast } = data;
  if (forecast === null) return <span className="sm soft">{t('forecast.missing')}</span>;
  const { watts } = forecast.basis;
  const limit = wattsMax === null ? null : t('machine.limit', { watts: writeNumber(wattsMax, language) });
  return (
    <span className="sm soft">
      {watts === null ? (
        <Fact about={t('forecast.noWatts')}>{t('machine.noExtraWatts')}</Fact>
      ) : (
        <Fact about={t(`forecast.watts.${watts.source}`, { watts: writeNumber(watts.value, language) })}>
          {t('machine.extraWatts', { watts: writeNumber(watts.value, language) })}
        </Fact>
      )}
      {limit === null ? null : ` · ${limit}`}
      {isFree ? null : (
        <>
          {' · '}
          <b className={asset.practice ? 'is-practice' : undefined}>
            {t('machine.perDay', { amount: moneyText(forecast.earned.high, asset) })}
          </b>
        </>
      )}
    </span>
  );
}

/** Limit for the memory of all loaded models together, and the time after which idle ones are unloaded. */
function ModelMemory({ settings, change }: { settings: Settings; change: Change }) {
  const { t } = useStrings();
  const { modelMemoryBytesMax, modelIdleMinutes } = settings;
  const isRuled = useIsRuled();
  return (
    <>
      <Count
        label={t('settings.modelMemory')}
        note={t('settings.modelMemoryNote')}
        unit="GB"
        value={modelMemoryBytesMax === null ? null : modelMemoryBytesMax / GIGABYTE}
        minimum={1}
        maximum={100_000}
        isOptional
        isDisabled={isRuled('modelMemoryBytesMax')}
        onCommit={(gigabytes) =>
          change({ modelMemoryBytesMax: gigabytes === null ? null : gigabytes * GIGABYTE })
        }
      />
      <Count
        label={t('settings.modelIdle')}
        note={t('settings.modelIdleNote')}
        unit={t('settings.modelIdleUnit')}
        value={modelIdleMinutes}
        minimum={1}
        maximum={240}
        isDisabled={isRuled('modelIdleMinutes')}
        onCommit={(minutes) => change({ modelIdleMinutes: minutes })}
      />
    </>
  );
}

/** Turns a GPU off or on for Idlewatt. Takes effect immediately, even while it computes. */
export function CardSwitch({
  id,
  name,
  note,
  aside,
}: {
  id: string;
  name: string;
  note: ReactNode;
  aside: ReactNode;
}) {
  const { t } = useStrings();
  const { graphicsOff } = useSection('settings');
  const change = useChanges((patch: SettingsPatch) => agent.settings.change(patch));
  const others = graphicsOff.filter((off) => off !== id);
  return (
    <li>
      <Toggle
        label={name}
        accessibleLabel={t('machine.useCard', { name })}
        note={note}
        aside={aside}
        isSelected={!graphicsOff.includes(id)}
        onChange={(on) => change.run({ graphicsOff: on ? others : [...others, id] })}
      />
      <ProblemNote problem={change.problem} />
    </li>
  );
}

/** Turns the CPU off or on for serving. Without a GPU there would be nothing left to serve with, so the switch isn't offered. */
export function ProcessorSwitch({ name, note, aside }: { name: string; note: ReactNode; aside: ReactNode }) {
  const { t } = useStrings();
  const { processorOff } = useSection('settings');
  const change = useChanges((patch: SettingsPatch) => agent.settings.change(patch));
  return (
    <li>
      <Toggle
        label={name}
        accessibleLabel={t('machine.useCard', { name })}
        note={
          <>
            {note}
            <br />
            {t(processorOff ? 'machine.processorOff' : 'machine.processorOn')}
          </>
        }
        aside={aside}
        isSelected={!processorOff}
        onChange={(on) => change.run({ processorOff: !on })}
      />
      <ProblemNote problem={change.problem} />
    </li>
  );
}

/** Known readings first; the rest is folded, each with the source that would report it. */
export function SensorReadings({ readings }: { readings: Readings }) {
  const { t, language } = useStrings();
  const known = READING_NAMES.filter((name) => readings[name] !== null);
  const unknown = READING_NAMES.filter((name) => readings[name] === null);
  return (
    <Card title={t('sensed.title')} aside={<span className="sm soft">{t('sensed.what')}</span>}>
      {known.length > 0 ? (
        <dl className="sensed">
          {known.map((name) => {
            const reading = readings[name];
            return reading === null ? null : (
              <div key={name}>
                <dt>{t(`sensed.name.${name}`)}</dt>
                <dd>
                  <Fact
                    about={t('sensed.from', {
                      source: reading.source,
                      time: writeExactTime(reading.atMs, language),
                    })}
                  >
                    {written(name, reading.value)}
                  </Fact>
                </dd>
              </div>
            );
          })}
        </dl>
      ) : null}
      {unknown.length > 0 ? (
        <details className="fold">
          <summary>
            <Icon name="next" isSmall />
            <span>
              <b>{t('sensed.cantSee', { count: unknown.length })}</b>{' '}
              <span className="soft opt">{t('sensed.without')}</span>
            </span>
          </summary>
          <dl className="kv sensed-unknown">
            {unknown.map((name) => (
              <div key={name} className="kv-row">
                <dt>{t(`sensed.name.${name}`)}</dt>
                <dd>{t(`sensed.need.${name}`)}</dd>
              </div>
            ))}
          </dl>
        </details>
      ) : null}
    </Card>
  );

  function written(name: ReadingName, value: number | boolean): string {
    if (typeof value === 'boolean') return t(value ? 'common.yes' : 'common.no');
    if (name.endsWith('Bytes')) return writeBytes(value, language);
    if (name.endsWith('Percent')) return writePercent(value, language);
    if (name.endsWith('Seconds')) return writeDuration(value * 1_000, language);
    return `${writeNumber(value, language)} ${UNITS.find(([end]) => name.endsWith(end))?.[1] ?? ''}`.trim();
  }
}

const UNITS = [
  ['Celsius', '°C'],
  ['watts', 'W'],
  ['Rpm', 'rpm'],
] as const;
