/** Settings page: prices, hours and disk space of batches. */
import { SETTING_LIMITS, type Settings, type SettingsPatch } from '../../shared/settings.ts';
import { DAY_HOURS } from '../../shared/week.ts';
import { useUnitName } from '../parts/amount.tsx';
import { AmountField, Count, Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

const GIGABYTE = 1_000_000_000;
const SPACE_GB_MAX = Math.floor(SETTING_LIMITS.batchBytesMax.max / GIGABYTE);

export function BatchesPart(props: {
  readonly settings: Settings;
  readonly change: (patch: SettingsPatch) => void;
}) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const { settings, change } = props;
  const unit = t('settings.perMillion', { unit: useUnitName()(asset) });
  return (
    <Part title={t('batches.title')} note={t('batches.sectionNote')}>
      {(['batchPriceInputMax', 'batchPriceOutputMax'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(name === 'batchPriceInputMax' ? 'batches.priceInputMax' : 'batches.priceOutputMax')}
          {...(name === 'batchPriceOutputMax' ? { note: t('batches.priceNote') } : {})}
          unit={unit}
          decimals={asset.decimals}
          isOptional
          value={settings[name]}
          onCommit={(units) => change({ [name]: units })}
        />
      ))}
      <Toggle
        label={t('batches.hoursOn')}
        note={t('batches.hoursOff')}
        isSelected={settings.batchHoursOn}
        onChange={(batchHoursOn) => change({ batchHoursOn })}
      />
      {(['batchFromHour', 'batchUntilHour'] as const).map((name) => (
        <Count
          key={name}
          label={t(name === 'batchFromHour' ? 'batches.fromHour' : 'batches.untilHour')}
          unit={t('batches.hour')}
          value={settings[name]}
          minimum={0}
          maximum={DAY_HOURS - 1}
          isDisabled={!settings.batchHoursOn}
          onCommit={(hour) => change({ [name]: hour })}
        />
      ))}
      <Count
        label={t('batches.space')}
        unit="GB"
        value={Math.round(settings.batchBytesMax / GIGABYTE)}
        minimum={1}
        maximum={SPACE_GB_MAX}
        onCommit={(gigabytes) => change({ batchBytesMax: gigabytes * GIGABYTE })}
      />
    </Part>
  );
}
