/** Settings page: signs that pause the work. */
import type { Settings } from '../../shared/settings.ts';
import type { Change } from '../parts/doubts.tsx';
import { useIsRuled } from '../parts/ruled-note.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';

export function RuleParts({ settings, change }: { settings: Settings; change: Change }) {
  const { t } = useStrings();
  const isRuled = useIsRuled();
  const signs = ['pauseForFullScreen', 'pauseForDisplayAwake', 'pauseForOtherPrograms'] as const;
  return (
    <Part title={t('settings.heed')} note={t('settings.heedNote')}>
      {signs.map((name) => (
        <Toggle
          key={name}
          label={t(`settings.${name}`)}
          isSelected={settings[name]}
          isDisabled={settings.runWhen === 'always' || isRuled(name)}
          onChange={(on) => change({ [name]: on })}
        />
      ))}
      <Toggle
        label={t('settings.pauseForOtherUsers')}
        note={t('settings.pauseForOtherUsersNote')}
        isSelected={settings.pauseForOtherUsers}
        onChange={(pauseForOtherUsers) => change({ pauseForOtherUsers })}
      />
    </Part>
  );
}
