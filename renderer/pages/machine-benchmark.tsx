/** Machine page: the measurements with their conditions, folded, and their history. */
import type { AgentState, Measurement } from '../../shared/api/state.ts';
import { engineConditions, isModelSpeed } from '../../shared/engine-measurement.ts';
import { useAnswer } from '../calls.ts';
import { writeExactTime, writeMeasured, writeMoment, writePercent, writeSpread } from '../format.ts';
import { Card } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { Icon } from '../parts/icon.tsx';
import { Note } from '../parts/note.tsx';
import { Progress } from '../parts/progress.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { Table } from '../parts/table.tsx';
import { agent } from '../store.ts';
import { EngineSpeeds } from './machine-speeds.tsx';

export function Benchmark({ benchmark }: { benchmark: AgentState['machine']['benchmark'] }) {
  const { t } = useStrings();
  const running = benchmark.state === 'running';
  const hardware = benchmark.measurements.filter((each) => engineConditions(each) === null);
  return (
    <Card title={t('machine.benchmark')}>
      {running ? <Running benchmark={benchmark} /> : null}
      {benchmark.state === 'failed' ? (
        <Note tone="error" role="status" title={t('machine.failed')}>
          {benchmark.error ?? t('machine.failedUnknown')} {t('machine.failedMoney')}
        </Note>
      ) : null}
      {benchmark.measurements.length > 0 ? (
        <details className="fold">
          <summary>
            <Icon name="next" isSmall />
            {t('machine.details')}
          </summary>
          <div className="machine-details">
            <p className="sm soft">{t('machine.benchmarkWhat')}</p>
            <EngineSpeeds measurements={benchmark.measurements} />
            {hardware.length > 0 ? <h3>{t('machine.hardware')}</h3> : null}
            {hardware.length > 0 ? <Results measurements={hardware} /> : null}
            {benchmark.unavailable.length > 0 ? <Missing unavailable={benchmark.unavailable} /> : null}
          </div>
        </details>
      ) : running ? null : (
        <Empty title={t('machine.never')}>
          <p>{t('machine.neverNext')}</p>
        </Empty>
      )}
    </Card>
  );
}

function Running({ benchmark }: { benchmark: AgentState['machine']['benchmark'] }) {
  const { t, language } = useStrings();
  const percent = benchmark.progress === null ? null : writePercent(benchmark.progress * 100, language);
  return (
    <div className="pad">
      <Progress
        label={t('machine.benchmark')}
        fraction={benchmark.progress}
        text={[percent, benchmark.step].filter(Boolean).join(' · ')}
      />
    </div>
  );
}

/** Modes that this machine lacks, each with the reason. */
function Missing({ unavailable }: Pick<AgentState['machine']['benchmark'], 'unavailable'>) {
  const { t } = useStrings();
  return (
    <>
      <h3>{t('machine.unavailable')}</h3>
      <Rows isTight>
        {unavailable.map((missing) => (
          <Row key={missing.mode} title={missing.mode} note={missing.reason} />
        ))}
      </Rows>
    </>
  );
}

function Results({ measurements }: { measurements: readonly Measurement[] }) {
  const { t, language } = useStrings();
  const nowMs = useNow(60_000);
  return (
    <Table
      label={t('machine.results')}
      rows={measurements}
      rowKey={(row) => `${row.name}-${row.mode}-${row.atMs}-${JSON.stringify(row.conditions)}`}
      columns={[
        { key: 'name', head: t('machine.column.what'), cell: (row) => t(`machine.name.${row.name}`) },
        { key: 'mode', head: t('machine.column.mode'), isUnbroken: true, cell: (row) => row.mode },
        {
          key: 'value',
          head: t('machine.column.value'),
          isNumber: true,
          cell: (row) => (
            <Fact about={t('machine.median', { count: row.runs, time: writeExactTime(row.atMs, language) })}>
              {t(`machine.unit.${row.unit}`, { value: writeMeasured(row.value, language) })}
            </Fact>
          ),
        },
        {
          key: 'spread',
          head: t('machine.column.spread'),
          isNumber: true,
          cell: (row) =>
            row.spreadPercent === null ? (
              <Unknown about={t('machine.noSpread')} />
            ) : (
              writeSpread(row.spreadPercent, language)
            ),
        },
        {
          key: 'conditions',
          head: t('machine.column.conditions'),
          cell: (row) => (
            <span className="conditions">
              {Object.entries(row.conditions)
                .map(([name, value]) => `${name}: ${String(value)}`)
                .join(', ')}
            </span>
          ),
        },
        {
          key: 'at',
          head: t('machine.column.at'),
          isUnbroken: true,
          cell: (row) => writeMoment(row.atMs, nowMs, language),
        },
      ]}
    />
  );
}

/** True for hardware measurements, and for the one engine measurement that represents the model's speed. */
function isForHistory(measurement: Measurement): boolean {
  const conditions = engineConditions(measurement);
  return conditions === null || isModelSpeed(conditions);
}

/** The speed of the model over the runs, and every run with its figures. */
export function History({ atMs }: { atMs: number | null }) {
  const { t, language } = useStrings();
  const answer = useAnswer(String(atMs), () => agent.benchmark.history({ limit: 10 }));
  const runs = answer.data?.runs ?? [];
  if (runs.length < 2) return null;
  return (
    <Card
      title={t('machine.history')}
      aside={<span className="sm soft">{t('machine.runs', { count: runs.length })}</span>}
    >
      <Rows>
        {runs.map((run) => (
          <li key={run.atMs} className="machine-run">
            <time className="sm soft" dateTime={new Date(run.atMs).toISOString()}>
              {writeExactTime(run.atMs, language)}
            </time>
            <ul className="machine-figures">
              {run.measurements.filter(isForHistory).map((row) => (
                <li key={`${row.name}-${row.mode}`}>
                  <span className="soft">
                    {t(`machine.name.${row.name}`)} ({row.mode})
                  </span>{' '}
                  <b>{t(`machine.unit.${row.unit}`, { value: writeMeasured(row.value, language) })}</b>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </Rows>
    </Card>
  );
}
