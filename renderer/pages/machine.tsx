/** Machine page: devices, current readings, limits, the engine's sandbox, and benchmark results with their conditions. */
import { Button } from 'react-aria-components';
import type { AgentState, Measurement } from '../../shared/api/state.ts';
import { deviceId } from '../../shared/devices.ts';
import { engineConditions, isModelSpeed } from '../../shared/engine-measurement.ts';
import { useAction, useAnswer } from '../calls.ts';
import {
  writeBytes,
  writeExactTime,
  writeMeasured,
  writeMoment,
  writeNumber,
  writePercent,
  writeSpread,
} from '../format.ts';
import { Empty } from '../parts/empty.tsx';
import { Fact, Figure, Unknown } from '../parts/fact.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Progress } from '../parts/progress.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { Table } from '../parts/table.tsx';
import { agent, useSection } from '../store.ts';
import { CardSwitch, Comfort, SensorReadings } from './machine-comfort.tsx';
import { Sandbox } from './machine-sandbox.tsx';
import { EngineSpeeds } from './machine-speeds.tsx';

export function Machine() {
  const { t } = useStrings();
  const machine = useSection('machine');
  return (
    <>
      <PageHead title={t('nav.machine')} lead={`${machine.hostname} · ${machine.os}`} />
      <Readings machine={machine} />
      <Comfort />
      <SensorReadings readings={machine.readings} />
      <Sandbox />
      <Devices devices={machine.devices} />
      <Benchmark benchmark={machine.benchmark} />
      <History atMs={machine.benchmark.atMs} />
    </>
  );
}

function Readings({ machine }: { machine: AgentState['machine'] }) {
  const { t, language } = useStrings();
  const about =
    machine.readAtMs === null
      ? t('machine.neverRead')
      : t('machine.readAt', { time: writeExactTime(machine.readAtMs, language) });
  const reading = (value: number | null, write: (known: number) => string, missing: string) =>
    value === null ? <Unknown about={missing} /> : <Fact about={about}>{write(value)}</Fact>;
  return (
    <section aria-labelledby="machine-now">
      <h2 id="machine-now">{t('home.now')}</h2>
      <dl className="figures">
        <Figure label={t('machine.load')}>
          {reading(machine.cpuLoadPercent, (value) => writePercent(value, language), t('machine.neverRead'))}
        </Figure>
        <Figure
          label={t('machine.free')}
          note={
            machine.memoryBytes === null
              ? null
              : t('machine.ofMemory', { total: writeBytes(machine.memoryBytes, language) })
          }
        >
          {reading(machine.freeMemoryBytes, (value) => writeBytes(value, language), t('machine.neverRead'))}
        </Figure>
        <Figure label={t('machine.temperature')}>
          {reading(
            machine.temperatureCelsius,
            (value) => `${writeNumber(value, language)} °C`,
            t('machine.noSensor'),
          )}
        </Figure>
        <Figure label={t('machine.power')}>
          {reading(machine.watts, (value) => `${writeNumber(value, language)} W`, t('machine.noSensor'))}
        </Figure>
      </dl>
    </section>
  );
}

/** ID of the device at `index`, which counts GPUs only among GPUs. */
function cardId(devices: AgentState['machine']['devices'], index: number): string {
  const cards = devices.filter(({ kind }) => kind === 'gpu');
  const card = devices[index];
  return card === undefined ? '' : deviceId(cards, cards.indexOf(card));
}

function Devices({ devices }: { devices: AgentState['machine']['devices'] }) {
  const { t, language } = useStrings();
  return (
    <section aria-labelledby="machine-devices">
      <h2 id="machine-devices">{t('machine.devices')}</h2>
      {devices.length === 0 ? (
        <Empty title={t('machine.noDevices')}>
          <p>{t('machine.noDevicesNext')}</p>
        </Empty>
      ) : (
        <ul className="rows">
          {devices.map((device, index) => (
            <li className="row" key={`${device.kind}-${device.name}-${String(index)}`}>
              <span className="row-title">{device.name}</span>
              <span className="row-note">{t(`machine.kind.${device.kind}`)}</span>
              <span className="row-number">
                {device.kind === 'cpu' ? (
                  device.cores === null ? (
                    <>
                      {t('machine.cores')}: <Unknown />
                    </>
                  ) : (
                    t('machine.coresCount', { count: device.cores })
                  )
                ) : device.memoryBytes === null ? (
                  <>
                    {t('machine.memory')}: <Unknown />
                  </>
                ) : (
                  t('machine.memoryOf', { size: writeBytes(device.memoryBytes, language) })
                )}
              </span>
              {device.kind === 'gpu' ? <CardSwitch id={cardId(devices, index)} name={device.name} /> : null}
              {device.driver === null ? null : (
                <span className="row-number soft">{t('machine.driver', { version: device.driver })}</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Benchmark({ benchmark }: { benchmark: AgentState['machine']['benchmark'] }) {
  const { t, language } = useStrings();
  const run = useAction((_: null) => agent.benchmark.run({}));
  const running = benchmark.state === 'running';
  const hardware = benchmark.measurements.filter((each) => engineConditions(each) === null);
  return (
    <section aria-labelledby="machine-benchmark">
      <div className="section-head">
        <h2 id="machine-benchmark">{t('machine.benchmark')}</h2>
        <Button className="button" isDisabled={running || run.busy} onPress={() => run.run(null)}>
          {t(running ? 'machine.running' : benchmark.state === 'never' ? 'machine.run' : 'machine.runAgain')}
        </Button>
      </div>
      <p className="soft">{t('machine.benchmarkWhat')}</p>
      <ProblemNote problem={run.problem} />
      {running ? (
        <div className="panel">
          <Progress
            label={t('machine.benchmark')}
            fraction={benchmark.progress}
            text={[
              benchmark.progress === null ? null : writePercent(benchmark.progress * 100, language),
              benchmark.step,
            ]
              .filter(Boolean)
              .join(' · ')}
          />
        </div>
      ) : null}
      {benchmark.state === 'failed' ? (
        <div className="note is-error" role="status">
          <p className="note-title">{t('machine.failed')}</p>
          <p>
            {benchmark.error ?? t('machine.failedUnknown')} {t('machine.failedMoney')}
          </p>
        </div>
      ) : null}
      {benchmark.measurements.length > 0 ? (
        <>
          <EngineSpeeds measurements={benchmark.measurements} />
          {hardware.length > 0 ? <h3>{t('machine.hardware')}</h3> : null}
          {hardware.length > 0 ? <Results measurements={hardware} /> : null}
        </>
      ) : running ? null : (
        <Empty title={t('machine.never')}>
          <p>{t('machine.neverNext')}</p>
        </Empty>
      )}
      {benchmark.unavailable.length > 0 ? (
        <>
          <h3>{t('machine.unavailable')}</h3>
          <ul className="rows">
            {benchmark.unavailable.map((missing) => (
              <li className="row" key={missing.mode}>
                <span className="row-title">{missing.mode}</span>
                <span className="row-note">{missing.reason}</span>
              </li>
            ))}
          </ul>
        </>
      ) : null}
    </section>
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

function History({ atMs }: { atMs: number | null }) {
  const { t, language } = useStrings();
  const answer = useAnswer(String(atMs), () => agent.benchmark.history({ limit: 10 }));
  if (!answer.data || answer.data.runs.length < 2) return null;
  return (
    <details className="as-table">
      <summary>{t('machine.history')}</summary>
      {answer.data.runs.map((run) => (
        <section key={run.atMs} className="history-run">
          <h3>{writeExactTime(run.atMs, language)}</h3>
          <ul className="card-facts">
            {run.measurements.filter(isForHistory).map((row) => (
              <li key={`${row.name}-${row.mode}`}>
                {t(`machine.name.${row.name}`)} ({row.mode}):{' '}
                {t(`machine.unit.${row.unit}`, { value: writeMeasured(row.value, language) })}
              </li>
            ))}
          </ul>
        </section>
      ))}
    </details>
  );
}
