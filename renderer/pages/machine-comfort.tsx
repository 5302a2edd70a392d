/** Machine page: the limits for idle work, and the readings behind the decision to run. */
import { Label, Slider, SliderOutput, SliderThumb, SliderTrack } from 'react-aria-components';
import { COMFORT_MAX, COMFORT_MIN, comfortLimits, comfortSchema, HOT_CELSIUS } from '../../shared/comfort.ts';
import { READING_NAMES, type ReadingName, type Readings } from '../../shared/readings.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { useAction } from '../calls.ts';
import { GIGABYTE, writeBytes, writeExactTime, writeNumber, writePercent } from '../format.ts';
import { Fact, Unknown } from '../parts/fact.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Count, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

export function Comfort() {
  const { t, language } = useStrings();
  const { comfort, wattsMax, graphicsMemoryBytesMax } = useSection('settings');
  const { devices } = useSection('machine');
  const hasCard = devices.some(({ kind }) => kind === 'gpu');
  const change = useAction((patch: SettingsPatch) => agent.settings.change(patch));
  const limits = comfortLimits(comfort);
  return (
    <section aria-labelledby="machine-comfort">
      <h2 id="machine-comfort">{t('settings.comfort')}</h2>
      <div className="panel settings-fields">
        <Slider
          className="slider"
          value={comfort}
          minValue={COMFORT_MIN}
          maxValue={COMFORT_MAX}
          step={1}
          onChange={(value) => change.run({ comfort: comfortSchema.parse(value) })}
        >
          <Label className="field-label">{t('settings.comfortNote')}</Label>
          <SliderOutput className="slider-value">{t(`settings.comfortStep.${comfort}`)}</SliderOutput>
          <SliderTrack className="slider-track">
            <SliderThumb className="slider-thumb" />
          </SliderTrack>
        </Slider>
        <p className="soft">
          {t('settings.comfortMeaning', {
            cores: writeNumber(limits.coresPercent, language),
            duty: writeNumber(limits.dutyPercent, language),
            celsius: writeNumber(limits.processorCelsiusMax, language),
            hot: writeNumber(limits.processorCelsiusMax + HOT_CELSIUS, language),
          })}
        </p>
        <Count
          label={t('settings.watts')}
          note={t('settings.wattsNote')}
          unit="W"
          value={wattsMax}
          minimum={1}
          maximum={10_000}
          isOptional
          onCommit={(watts) => change.run({ wattsMax: watts })}
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
            change.run({ graphicsMemoryBytesMax: gigabytes === null ? null : gigabytes * GIGABYTE })
          }
        />
        <ProblemNote problem={change.problem} />
      </div>
    </section>
  );
}

/** Turns a GPU off or on for Idlewatt. Takes effect immediately, even while it computes. */
export function CardSwitch({ id, name }: { id: string; name: string }) {
  const { t } = useStrings();
  const { graphicsOff } = useSection('settings');
  const change = useAction((patch: SettingsPatch) => agent.settings.change(patch));
  const others = graphicsOff.filter((off) => off !== id);
  return (
    <>
      <Toggle
        label={t('machine.useCard', { name })}
        isSelected={!graphicsOff.includes(id)}
        onChange={(on) => change.run({ graphicsOff: on ? others : [...others, id] })}
      />
      <ProblemNote problem={change.problem} />
    </>
  );
}

/** Each reading with its source and time; "unknown" if no source on this machine reports it. */
export function SensorReadings({ readings }: { readings: Readings }) {
  const { t, language } = useStrings();
  return (
    <section aria-labelledby="machine-sensed">
      <h2 id="machine-sensed">{t('sensed.title')}</h2>
      <p className="soft">{t('sensed.what')}</p>
      <dl className="sensed">
        {READING_NAMES.map((name) => {
          const reading = readings[name];
          return (
            <div key={name} className="sensed-row">
              <dt>{t(`sensed.name.${name}`)}</dt>
              <dd>
                {reading === null ? (
                  <Unknown about={t('sensed.unknown')} />
                ) : (
                  <Fact
                    about={t('sensed.from', {
                      source: reading.source,
                      time: writeExactTime(reading.atMs, language),
                    })}
                  >
                    {written(name, reading.value)}
                  </Fact>
                )}
              </dd>
            </div>
          );
        })}
      </dl>
    </section>
  );

  function written(name: ReadingName, value: number | boolean): string {
    if (typeof value === 'boolean') return t(value ? 'common.yes' : 'common.no');
    if (name.endsWith('Bytes')) return writeBytes(value, language);
    if (name.endsWith('Percent')) return writePercent(value, language);
    return `${writeNumber(value, language)} ${UNITS.find(([end]) => name.endsWith(end))?.[1] ?? ''}`.trim();
  }
}

const UNITS = [
  ['Seconds', 's'],
  ['Celsius', '°C'],
  ['watts', 'W'],
  ['Rpm', 'rpm'],
] as const;
