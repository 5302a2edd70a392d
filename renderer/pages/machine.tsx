/** Machine page: live readings, devices, intensity, what Idlewatt can see, the engine's sandbox, and measurements. */
import type { AgentState, Measurement } from '../../shared/api/state.ts';
import { comfortLimits } from '../../shared/comfort.ts';
import { deviceId, deviceKindOf } from '../../shared/devices.ts';
import { engineConditions, isModelSpeed } from '../../shared/engine-measurement.ts';
import { useAction } from '../calls.ts';
import { writeBytes, writeExactTime, writeMeasured, writeNumber, writePercent } from '../format.ts';
import { lastOf, SAMPLE_EVERY_MS, useLately } from '../lately.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card, Columns } from '../parts/card.tsx';
import { Empty } from '../parts/empty.tsx';
import { Fact, Unknown } from '../parts/fact.tsx';
import { Lane, Lanes } from '../parts/lanes.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { Tag } from '../parts/tag.tsx';
import { agent, useSection } from '../store.ts';
import { Benchmark, History } from './machine-benchmark.tsx';
import { CardSwitch, Comfort, ProcessorSwitch, SensorReadings } from './machine-comfort.tsx';
import { CudaDownload, GraphicsProblems } from './machine-graphics.tsx';
import { Sandbox } from './machine-sandbox.tsx';

const LANE_SECONDS = 300;
const SAMPLES = (LANE_SECONDS * 1_000) / SAMPLE_EVERY_MS;

export function Machine() {
  const { t } = useStrings();
  const machine = useSection('machine');
  const run = useAction((_: null) => agent.benchmark.run({}));
  const { state } = machine.benchmark;
  return (
    <>
      <PageHead title={t('nav.machine')} lead={`${machine.hostname} · ${machine.os}`}>
        <ActionButton
          isSmall
          icon="refresh"
          isDisabled={state === 'running' || run.busy}
          onPress={() => run.run(null)}
        >
          {t(
            state === 'running' ? 'machine.running' : state === 'never' ? 'machine.run' : 'machine.runAgain',
          )}
        </ActionButton>
      </PageHead>
      <ProblemNote problem={run.problem} />
      <Columns kind="wide">
        <Live machine={machine} />
        <Devices machine={machine} />
      </Columns>
      <Comfort />
      <SensorReadings readings={machine.readings} />
      <Sandbox />
      <Benchmark benchmark={machine.benchmark} />
      <History atMs={machine.benchmark.atMs} />
    </>
  );
}

/** One lane per reading, with its last five minutes and the limit that applies to it. */
function Live({ machine }: { machine: AgentState['machine'] }) {
  const { t, language } = useStrings();
  const { activeJobs, tokensPerSecond } = useSection('work');
  const { comfort, wattsMax } = useSection('settings');
  const samples = useLately();
  const { processorCelsiusMax } = comfortLimits(comfort);
  const isRunning = activeJobs.length > 0;
  const newest = samples.at(-1);
  const watts = machine.readings.watts?.value ?? machine.watts;
  const celsius = newest?.celsius ?? machine.temperatureCelsius;
  const about =
    machine.readAtMs === null
      ? t('machine.neverRead')
      : t('machine.readAt', { time: writeExactTime(machine.readAtMs, language) });
  const value = (known: number | null, write: (value: number) => string, missing: string) =>
    known === null ? <Unknown about={missing} /> : <Fact about={about}>{write(known)}</Fact>;
  const whole = (known: number) => writeNumber(known, language);
  return (
    <Card
      title={t('machine.now')}
      aside={<span className="sm soft">{t('machine.lastMinutes')}</span>}
      isPadded
    >
      <Lanes>
        <Lane
          label={t('machine.tokens')}
          value={isRunning && tokensPerSecond !== null ? writeMeasured(tokensPerSecond, language) : '0'}
          unit={t('machine.perSecond')}
          history={lastOf(samples, 'tokensPerSecond', SAMPLES)}
          limit={t('machine.jobs', { count: activeJobs.length })}
        />
        <Lane
          label={t('machine.load')}
          value={value(
            machine.cpuLoadPercent,
            (known) => writePercent(known, language),
            t('machine.neverRead'),
          )}
          history={lastOf(samples, 'cpuPercent', SAMPLES)}
          max={100}
          limit={
            machine.freeMemoryBytes === null
              ? null
              : t('machine.freeMemory', { size: writeBytes(machine.freeMemoryBytes, language) })
          }
        />
        <Lane
          label={t('machine.power')}
          value={value(watts, whole, t('machine.noSensor'))}
          {...(watts === null ? {} : { unit: 'W' })}
          history={lastOf(samples, 'watts', SAMPLES)}
          kind={watts === null ? 'off' : 'warm'}
          limit={wattsMax === null ? t('machine.noLimit') : t('machine.limit', { watts: whole(wattsMax) })}
        />
        <Lane
          label={t('machine.temperature')}
          value={value(celsius, whole, t('machine.noSensor'))}
          {...(celsius === null ? {} : { unit: '°C' })}
          history={lastOf(samples, 'celsius', SAMPLES)}
          kind={celsius === null ? 'off' : 'wait'}
          limit={t('machine.slowsAt', { celsius: whole(processorCelsiusMax) })}
        />
      </Lanes>
    </Card>
  );
}

/** ID of the device at `index`, which counts GPUs only among GPUs. */
function cardId(devices: AgentState['machine']['devices'], index: number): string {
  const cards = devices.filter(({ kind }) => kind === 'gpu');
  const card = devices[index];
  return card === undefined ? '' : deviceId(cards, cards.indexOf(card));
}

type Device = AgentState['machine']['devices'][number];

function Devices({ machine: { devices, benchmark } }: { machine: AgentState['machine'] }) {
  const { t } = useStrings();
  const modelName = useModelName();
  const { processorOff, graphicsOff } = useSection('settings');
  const hasSwitch = processorOff || devices.some(({ kind }) => kind === 'gpu');
  const speed = deviceSpeed(benchmark.measurements);
  const cardsOn = devices.flatMap(({ kind }, index) =>
    kind === 'gpu' && !graphicsOff.includes(cardId(devices, index)) ? [index] : [],
  );
  // GPUs that compute together share one measurement, which is none of each.
  const isAlone = (index: number) =>
    devices[index]?.kind === 'cpu' || (cardsOn.length === 1 && cardsOn[0] === index);
  if (devices.length === 0) {
    return (
      <Card title={t('machine.devices')}>
        <Empty title={t('machine.noDevices')}>
          <p>{t('machine.noDevicesNext')}</p>
        </Empty>
      </Card>
    );
  }
  return (
    <Card
      title={t('machine.devices')}
      aside={
        speed === null ? null : (
          <span className="sm soft">{t('machine.speedOf', { model: modelName(speed.model) })}</span>
        )
      }
    >
      <Rows isFilled>
        {devices.map((device, index) => (
          <DeviceRow
            key={`${device.kind}-${device.name}-${String(index)}`}
            device={device}
            id={cardId(devices, index)}
            hasSwitch={hasSwitch}
            speed={speed !== null && isAlone(index) && speed.kind === device.kind ? speed : null}
          />
        ))}
      </Rows>
      <GraphicsProblems cards={cardsOn.flatMap((index) => devices[index] ?? [])} />
      <CudaDownload />
      {cardsOn.length > 1 ? <Together speed={speed?.kind === 'gpu' ? speed : null} /> : null}
    </Card>
  );
}

/** The one speed of several GPUs: a model is split over them, so none has a speed of its own. */
function Together({ speed }: { speed: DeviceSpeed | null }) {
  const { t, language } = useStrings();
  return (
    <p className="devices-together sm soft">
      {speed === null
        ? t('machine.togetherUnknown')
        : t('machine.together', {
            speed: t('speed.perSecond', { speed: writeMeasured(speed.tokensPerSecond, language) }),
          })}
    </p>
  );
}

function DeviceRow(props: { device: Device; id: string; hasSwitch: boolean; speed: DeviceSpeed | null }) {
  const { t, language } = useStrings();
  const { backend } = useSection('work');
  const { device, id, hasSwitch, speed } = props;
  const note = <DeviceNote device={device} />;
  const written =
    speed === null ? null : t('speed.perSecond', { speed: writeMeasured(speed.tokensPerSecond, language) });
  if (device.kind === 'gpu') return <CardSwitch id={id} name={device.name} note={note} aside={written} />;
  if (hasSwitch) return <ProcessorSwitch name={device.name} note={note} aside={written} />;
  return (
    <Row
      icon="cpu"
      title={<b>{device.name}</b>}
      note={note}
      end={
        backend !== null && deviceKindOf(backend) === device.kind ? (
          <Tag tone="good">{t('machine.inUse')}</Tag>
        ) : null
      }
      exact={written}
    />
  );
}

interface DeviceSpeed {
  readonly kind: Device['kind'];
  readonly model: string;
  readonly tokensPerSecond: number;
}

/** The model's speed with one job, as the newest benchmark measured it, and the kind of device that reached it. */
function deviceSpeed(measurements: readonly Measurement[]): DeviceSpeed | null {
  for (const measurement of measurements) {
    const conditions = engineConditions(measurement);
    const kind = deviceKindOf(measurement.mode);
    if (measurement.name !== 'decode' || conditions === null || kind === null) continue;
    if (isModelSpeed(conditions))
      return { kind, model: conditions.model, tokensPerSecond: measurement.value };
  }
  return null;
}

function DeviceNote({ device }: { device: Device }) {
  const { t, language } = useStrings();
  const size =
    device.kind === 'cpu'
      ? device.cores === null
        ? null
        : t('machine.coresCount', { count: device.cores })
      : device.memoryBytes === null
        ? null
        : t('machine.memoryOf', { size: writeBytes(device.memoryBytes, language) });
  const parts = [t(`machine.kind.${device.kind}`), size ?? t('common.unknown')];
  if (device.driver !== null) parts.push(t('machine.driver', { version: device.driver }));
  return <>{parts.join(' · ')}</>;
}
