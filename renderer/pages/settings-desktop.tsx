/** Setting that starts Idlewatt with the system, with the reason where that can't work. */
import { Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

export function AutostartToggle({
  isSelected,
  onChange,
}: {
  isSelected: boolean;
  onChange: (startWithSystem: boolean) => void;
}) {
  const { t } = useStrings();
  const { shell } = useSection('app');
  const obstacle = shell?.autostartObstacle ?? null;
  return (
    <Toggle
      label={t('settings.start')}
      {...(obstacle === null ? {} : { note: t(`settings.autostartObstacle.${obstacle}`) })}
      isSelected={isSelected && (obstacle === null || obstacle === 'disabled-by-system')}
      // What is on can be turned off, even where it has no effect.
      isDisabled={shell === null || (obstacle !== null && !isSelected)}
      onChange={onChange}
    />
  );
}
