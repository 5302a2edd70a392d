/** State of the wallet's backup, and buttons that open the shell's windows, where secrets are shown. */

import type { SecretTask } from '../../shared/secret-window.ts';
import { COMMAND } from '../command.ts';
import { ActionButton } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

/** Tasks for each kind of wallet. A wallet made from a key has no recovery phrase. */
const TASKS: Readonly<Record<'phrase' | 'key' | 'watch-only', readonly SecretTask[]>> = {
  phrase: ['backup', 'export', 'import'],
  key: ['export', 'import'],
  'watch-only': ['import'],
};

export function Backup() {
  const { t } = useStrings();
  const { kind, backedUp, address } = useSection('wallet');
  const { practice } = useSection('money').asset;
  if (address === null) return null;
  const state = kind === 'watch-only' ? 'watchOnly' : backedUp ? 'proven' : practice ? 'practice' : 'missing';
  return (
    <div className={state === 'missing' ? 'note is-warning' : 'note'}>
      <Icon name={state === 'missing' ? 'warning' : 'shield'} />
      <div className="note-text">
        <p className="note-title">{t(`backup.${state}.what`)}</p>
        <p>{t(`backup.${state}.next`)}</p>
        <SecretTasks tasks={TASKS[kind]} />
      </div>
    </div>
  );
}

function SecretTasks({ tasks }: { tasks: readonly SecretTask[] }) {
  const { t } = useStrings();
  const { idlewatt } = window;
  // A browser may have extensions that can read the page, so secrets appear only in the desktop shell or a terminal.
  if (!idlewatt) {
    return (
      <p className="soft">
        {t('backup.headless')} <code className="unbroken">{COMMAND} wallet drill</code>
      </p>
    );
  }
  return (
    <>
      <p className="button-row">
        {tasks.map((task) => (
          <ActionButton key={task} isSmall onPress={() => idlewatt.openSecret(task)}>
            {t(`backup.open.${task}`)}
          </ActionButton>
        ))}
      </p>
      <p className="soft">{t('backup.ownWindow')}</p>
    </>
  );
}
