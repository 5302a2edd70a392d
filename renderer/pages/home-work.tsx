/** Home among the owner's machines, where nothing is paid: what this machine did for them today, and they for it. */
import type { WorkDone } from '../../shared/machines.ts';
import { writeNumber } from '../format.ts';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { useSection } from '../store.ts';

const HOUR_MS = 3_600_000;

export function HomeWork() {
  const { t } = useStrings();
  const report = useSection('machines')?.machines.find(({ isSelf }) => isSelf)?.report ?? null;
  if (report === null) return null;
  return (
    <Rows label={t('machines.workToday')}>
      <WorkRow kind="served" work={report.served} />
      <WorkRow kind="used" work={report.used} />
    </Rows>
  );
}

function WorkRow({ kind, work }: { kind: 'served' | 'used'; work: WorkDone }) {
  const { t, language } = useStrings();
  const count = (value: number, digits = 0) => writeNumber(value, language, digits);
  return (
    <Row
      href={hrefTo('machines')}
      title={t(`machines.${kind}`)}
      note={t(`machines.${kind}Note`, { jobs: count(work.jobs), input: count(work.inputTokens) })}
      end={<b>{t('machines.tokensToday', { tokens: count(work.outputTokens) })}</b>}
      exact={`${count(work.workMs / HOUR_MS, 1)} h`}
    />
  );
}
