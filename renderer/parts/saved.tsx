/** Shows at the head of a page whether a change of settings is being saved or was saved. */
import type { SettingsPatch } from '../../shared/settings.ts';
import type { Action } from '../calls.ts';
import { useStrings } from './strings.ts';

export function Saved({ change }: { change: Action<SettingsPatch, unknown> }) {
  const { t } = useStrings();
  return (
    <p className="soft" role="status">
      {change.busy ? t('settings.saving') : change.result ? t('settings.saved') : ''}
    </p>
  );
}
