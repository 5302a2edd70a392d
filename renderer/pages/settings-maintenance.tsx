/** Settings page: backups, how to restore one, and the report for finding a fault. */
import { useEffect } from 'react';
import { useAction, useAnswer } from '../calls.ts';
import { writeBytes, writeExactTime } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { CopyButton } from '../parts/copy.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

export function MaintenancePart() {
  const { t, language } = useStrings();
  const { host } = useSection('app');
  const files = useAnswer('maintenance', () => agent.maintenance.list({}));
  const backup = useAction((_: null) => agent.maintenance.backup({}));
  const report = useAction((_: null) => agent.maintenance.report({}));
  const { reload } = files;
  useEffect(() => {
    if (backup.result !== null || report.result !== null) reload();
  }, [backup.result, report.result, reload]);
  const lastBackup = files.data?.backups[0] ?? null;
  const lastReport = files.data?.reports[0] ?? null;
  const last = (file: typeof lastBackup) =>
    file === null
      ? t('maintenance.never')
      : t('maintenance.last', {
          time: writeExactTime(file.atMs, language),
          size: writeBytes(file.bytes, language),
        });
  return (
    <Part title={t('maintenance.title')} note={t('maintenance.note')}>
      <ul className="rows">
        <Row
          title={<b>{t('maintenance.backup')}</b>}
          note={<FileNote text={last(lastBackup)} path={lastBackup?.path ?? null} />}
          end={
            <ActionButton isSmall isDisabled={backup.busy} onPress={() => backup.run(null)}>
              {t(backup.busy ? 'maintenance.working' : 'maintenance.backUp')}
            </ActionButton>
          }
        />
        <Row
          title={<b>{t('maintenance.restore')}</b>}
          note={
            <>
              {t('maintenance.restoreHow')}
              {host === 'headless' ? (
                <code className="wallet-code"> npm run agent -- restore --in FILE</code>
              ) : null}
            </>
          }
        />
        <Row
          title={<b>{t('maintenance.report')}</b>}
          note={
            <FileNote
              text={lastReport === null ? t('maintenance.reportNote') : last(lastReport)}
              path={lastReport?.path ?? null}
            />
          }
          end={
            <ActionButton isSmall isDisabled={report.busy} onPress={() => report.run(null)}>
              {t(report.busy ? 'maintenance.working' : 'maintenance.makeReport')}
            </ActionButton>
          }
        />
      </ul>
      <ProblemNote problem={backup.problem ?? report.problem ?? files.problem} />
    </Part>
  );
}

function FileNote({ text, path }: { text: string; path: string | null }) {
  return (
    <>
      {text}
      {path === null ? null : (
        <span className="identifier">
          <code className="wallet-code">{path}</code>
          <CopyButton text={path} label={path} isIcon />
        </span>
      )}
    </>
  );
}
