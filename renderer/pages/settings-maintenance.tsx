/** Settings page: backups, restoring one, and the report for finding a fault. */
import { useEffect } from 'react';
import { useAction, useAnswer } from '../calls.ts';
import { writeBytes, writeExactTime } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row } from '../parts/rows.tsx';
import { Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';
import { Place, Restore } from './settings-restore.tsx';

export function MaintenancePart() {
  const { t, language } = useStrings();
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
          note={<Place text={last(lastBackup)} path={lastBackup?.path ?? null} />}
          end={
            <ActionButton isSmall isDisabled={backup.busy} onPress={() => backup.run(null)}>
              {t(backup.busy ? 'maintenance.working' : 'maintenance.backUp')}
            </ActionButton>
          }
        />
        <Restore
          backups={files.data?.backups ?? []}
          folder={files.data?.backupFolder ?? null}
          last={files.data?.lastRestore ?? null}
          onAdded={reload}
        />
        <Row
          title={<b>{t('maintenance.report')}</b>}
          note={
            <Place
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
