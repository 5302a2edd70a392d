/** Settings page: updates of the app, and where they come from. */
import type { ReactNode } from 'react';
import type { Settings, SettingsPatch } from '../../shared/settings.ts';
import type { UpdateState } from '../../shared/updates.ts';
import { useAction } from '../calls.ts';
import { writeBytes, writeExactTime } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Meter } from '../parts/meter.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { Place } from './settings-restore.tsx';

/** Install a downloaded package, whose path follows. */
const COMMANDS = { deb: 'sudo apt install', rpm: 'sudo dnf install' } as const;

export function UpdatesPart(props: { settings: Settings; change: (patch: SettingsPatch) => void }) {
  const { t } = useStrings();
  const { updates, host } = useSection('app');
  const check = useAction((_: null) => agent.updates.check({}));
  const install = useAction((_: null) => agent.updates.install({}));
  const isIdle = updates.doing === 'nothing';
  const mayInstall = updates.file !== null && updates.kind === 'appimage' && host === 'desktop';
  return (
    <Part title={t('updates.title')}>
      <ul className="rows">
        <Row
          title={<b role="status">{useTitle(updates)}</b>}
          note={<Details updates={updates} mayInstall={mayInstall} />}
          end={
            updates.feed === null ? null : (
              <ActionButton
                isSmall
                isDisabled={check.busy || install.busy || !isIdle}
                onPress={() => (mayInstall ? install.run(null) : check.run(null))}
              >
                {t(mayInstall ? 'updates.install' : 'updates.check')}
              </ActionButton>
            )
          }
        >
          {updates.doing === 'downloading' && updates.bytes !== null ? (
            <Meter parts={[{ share: (updates.receivedBytes ?? 0) / updates.bytes }]} />
          ) : null}
        </Row>
        {updates.feed === null ? null : (
          <Row
            title={<b>{t('updates.from')}</b>}
            note={<Place text={t('updates.fromNote')} path={updates.feed} />}
          />
        )}
      </ul>
      {updates.feed === null ? null : (
        <Toggle
          label={t('updates.automatic')}
          note={t('updates.automaticNote')}
          isSelected={props.settings.updatesAutomatic}
          onChange={(updatesAutomatic) => props.change({ updatesAutomatic })}
        />
      )}
      <ProblemNote problem={check.problem ?? install.problem} />
    </Part>
  );
}

function useTitle({ feed, doing, problem, file, finding, version }: UpdateState): string {
  const { t } = useStrings();
  if (feed === null) return t('updates.none');
  if (doing === 'checking') return t('updates.checking');
  if (doing === 'downloading') return t('updates.downloading', { version });
  if (doing === 'waiting-for-jobs') return t('updates.waiting');
  if (doing === 'installing') return t('updates.installing', { version });
  if (problem !== null) return t(`updates.problem.${problem}`);
  if (file !== null) return t('updates.ready', { version });
  if (finding === null) return t('updates.never');
  if (finding === 'current') return t('updates.current');
  return t(finding === 'staged' ? 'updates.staged' : 'updates.available', { version });
}

/** The sentences below the title. */
function Details({ updates, mayInstall }: { updates: UpdateState; mayInstall: boolean }): ReactNode {
  const { t, language } = useStrings();
  const { feed, doing, problem, reason, file, finding, bytes, receivedBytes, checkedAtMs } = updates;
  if (feed === null) return t('updates.noneNote');
  if (doing === 'downloading' && bytes !== null) {
    const write = (count: number) => writeBytes(count, language);
    return t('updates.progress', { received: write(receivedBytes ?? 0), total: write(bytes) });
  }
  if (doing === 'waiting-for-jobs') return t('updates.waitingNote');
  if (doing !== 'nothing') return null;
  if (problem !== null) {
    const details = reason === null ? '' : ` ${t('problem.said', { message: reason })}`;
    return t(`updates.problemNote.${problem}`) + details;
  }
  if (file !== null) {
    return mayInstall ? t('updates.readyNote') : <ByHand file={file} kind={updates.kind} />;
  }
  switch (finding) {
    case null:
      return t('updates.neverNote');
    case 'current':
      return checkedAtMs === null
        ? null
        : t('updates.checkedAt', { time: writeExactTime(checkedAtMs, language) });
    case 'available':
      return t('updates.availableNote', { size: writeBytes(bytes ?? 0, language) });
    case 'staged':
      return t('updates.stagedNote');
    case 'too-old':
      return t('updates.tooOldNote');
    default:
      return t('updates.noPackageNote');
  }
}

/** Tells the owner where a verified package is and what installs it. */
function ByHand({ file, kind }: { file: string; kind: UpdateState['kind'] }) {
  const { t } = useStrings();
  if (kind === 'deb' || kind === 'rpm') {
    return <Place text={t('updates.byCommand')} path={`${COMMANDS[kind]} '${file}'`} />;
  }
  return <Place text={t(kind === 'appimage' ? 'updates.byReplacing' : 'updates.byOpening')} path={file} />;
}
