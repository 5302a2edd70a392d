/** Machine page: the model's speed by concurrent streams and context, at full speed and at the owner's intensity. */
import type { Measurement } from '../../shared/api/state.ts';
import { type EngineConditions, engineConditions } from '../../shared/engine-measurement.ts';
import { writeExactTime, writeMeasured, writeMoment, writeNumber, writeSpread } from '../format.ts';
import { Fact, Unknown } from '../parts/fact.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { type Column, Table } from '../parts/table.tsx';

/** One set of conditions, with the engine's measurements under them. */
interface Row {
  readonly key: string;
  readonly conditions: EngineConditions;
  readonly measurements: readonly Measurement[];
}

/** Groups the engine's measurements by conditions, in the order of measurement; leaves out all others. */
function rowsOf(measurements: readonly Measurement[]): Row[] {
  const rows = new Map<string, Row>();
  for (const measurement of measurements) {
    const conditions = engineConditions(measurement);
    if (conditions === null) continue;
    const { streams, context, dutyPercent } = conditions;
    const key = [streams, context, dutyPercent].join(' ');
    const before = rows.get(key)?.measurements ?? [];
    rows.set(key, { key, conditions, measurements: [...before, measurement] });
  }
  return [...rows.values()];
}

export function EngineSpeeds({ measurements }: { measurements: readonly Measurement[] }) {
  const { t, language } = useStrings();
  const nowMs = useNow(60_000);
  const rows = rowsOf(measurements);
  const first = rows[0];
  const sample = first?.measurements[0];
  if (first === undefined || sample === undefined) return null;
  const { model, quantisation, threads, contextTokens, comfortDutyPercent } = first.conditions;
  const facts = [
    quantisation,
    sample.mode,
    threads === undefined ? null : t('machine.speeds.threads', { count: threads }),
    contextTokens === undefined
      ? null
      : t('machine.speeds.loadedContext', { tokens: writeNumber(contextTokens, language) }),
    writeMoment(sample.atMs, nowMs, language),
    t('machine.speeds.unit'),
  ].filter(Boolean);
  const duties = [...new Set(rows.map(({ conditions }) => conditions.dutyPercent))];
  return (
    <>
      <h3>{t('machine.speeds.title', { model })}</h3>
      <p className="soft">{facts.join(' · ')}</p>
      {duties.map((dutyPercent) => (
        <SpeedTable
          key={dutyPercent}
          title={
            dutyPercent === 100
              ? t('machine.speeds.full')
              : t(dutyPercent === comfortDutyPercent ? 'machine.speeds.within' : 'machine.speeds.throttled', {
                  percent: writeNumber(dutyPercent, language),
                })
          }
          rows={rows.filter(({ conditions }) => conditions.dutyPercent === dutyPercent)}
        />
      ))}
      {comfortDutyPercent === 100 ? <p className="soft">{t('machine.speeds.sameWithin')}</p> : null}
    </>
  );
}

function SpeedTable({ title, rows }: { title: string; rows: readonly Row[] }) {
  const { t, language } = useStrings();
  const hasNotes = rows.some(({ conditions }) => conditions.disturbed || conditions.otherJobs !== undefined);
  const notes: Column<Row> = {
    key: 'marks',
    head: t('machine.speeds.marks'),
    cell: ({ conditions }) => <Notes {...conditions} />,
  };
  return (
    <>
      <h4>{title}</h4>
      <Table
        label={title}
        rows={rows}
        rowKey={({ key }) => key}
        columns={[
          {
            key: 'streams',
            head: t('machine.speeds.streams'),
            isNumber: true,
            cell: ({ conditions }) => writeNumber(conditions.streams, language),
          },
          {
            key: 'prompt',
            head: t('machine.speeds.prompt'),
            isNumber: true,
            cell: ({ conditions: { promptTokens } }) =>
              promptTokens === undefined ? <Unknown /> : writeNumber(promptTokens, language),
          },
          {
            key: 'decode',
            head: t('machine.speeds.writing'),
            isNumber: true,
            cell: (row) => <Speed row={row} name="decode" />,
          },
          {
            key: 'each',
            head: t('machine.speeds.each'),
            isNumber: true,
            cell: (row) => <SpeedPerStream row={row} />,
          },
          {
            key: 'prefill',
            head: t('machine.speeds.reading'),
            isNumber: true,
            cell: (row) => <Speed row={row} name="prefill" />,
          },
          ...(hasNotes ? [notes] : []),
        ]}
      />
    </>
  );
}

/** Tokens per second over all streams, with their spread. */
function Speed({ row, name }: { row: Row; name: 'prefill' | 'decode' }) {
  const { t, language } = useStrings();
  const found = row.measurements.find((measurement) => measurement.name === name);
  if (found === undefined) return <Unknown />;
  const about = t('machine.median', { count: found.runs, time: writeExactTime(found.atMs, language) });
  return (
    <>
      <Fact about={about}>{writeMeasured(found.value, language)}</Fact>{' '}
      <span className="soft">
        {found.spreadPercent === null ? (
          <>
            ± <Unknown about={t('machine.noSpread')} />
          </>
        ) : (
          writeSpread(found.spreadPercent, language)
        )}
      </span>
    </>
  );
}

/** Average speed of one stream: the total divided by the number of streams. */
function SpeedPerStream({ row }: { row: Row }) {
  const { language } = useStrings();
  const decode = row.measurements.find(({ name }) => name === 'decode');
  return decode === undefined ? <Unknown /> : writeMeasured(decode.value / row.conditions.streams, language);
}

/** Tags for other load during the measurement: busy apps or other jobs. */
function Notes({ disturbed, otherJobs }: EngineConditions) {
  const { t } = useStrings();
  return (
    <>
      {disturbed ? (
        <Fact about={t('machine.speeds.disturbedAbout')}>
          <span className="tag is-tight">{t('machine.speeds.disturbed')}</span>
        </Fact>
      ) : null}
      {otherJobs === undefined ? null : (
        <Fact about={t('machine.speeds.otherJobsAbout')}>
          <span className="tag is-tight">{t('machine.speeds.otherJobs', { count: otherJobs })}</span>
        </Fact>
      )}
    </>
  );
}
