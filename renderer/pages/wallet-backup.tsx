/** State of the wallet's backup, and buttons that open the shell's windows, where secrets are shown. */
import { Button } from 'react-aria-components';
import type { SecretTask } from '../../shared/secret-window.ts';
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
    <section aria-labelledby="wallet-backup">
      <h2 id="wallet-backup">{t('backup.title')}</h2>
      <div className={state === 'missing' ? 'note is-warning backup-panel' : 'panel backup-panel'}>
        <p className={state === 'missing' ? 'note-title' : 'backup-state'}>{t(`backup.${state}.what`)}</p>
        <p>{t(`backup.${state}.next`)}</p>
        <SecretTasks tasks={TASKS[kind]} />
      </div>
    </section>
  );
}

function SecretTasks({ tasks }: { tasks: readonly SecretTask[] }) {
  const { t } = useStrings();
  const { idlewatt } = window;
  // A browser may have extensions that can read the page, so secrets appear only in the desktop shell or a terminal.
  if (!idlewatt) {
    return (
      <p className="soft">
        {t('backup.headless')} <code className="unbroken">npm run agent -- wallet drill</code>
      </p>
    );
  }
  return (
    <>
      <p className="button-row">
        {tasks.map((task) => (
          <Button key={task} className="button" onPress={() => idlewatt.openSecret(task)}>
            {t(`backup.open.${task}`)}
          </Button>
        ))}
      </p>
      <p className="soft">{t('backup.ownWindow')}</p>
    </>
  );
}
