/** First run, step 2: the measurement of this machine with live bars, and what a day could bring. */
import type { ReactNode } from 'react';
import type { Measurement as Measured } from '../../shared/api/state.ts';
import { useAction, useAnswer } from '../calls.ts';
import { writeBytes, writeMeasured, writeNumber } from '../format.ts';
import { lastOf, type Sample, useLately } from '../lately.ts';
import { useMoneyText } from '../parts/amount.tsx';
import { Bars } from '../parts/bars.tsx';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Icon, type IconName } from '../parts/icon.tsx';
import { Meter } from '../parts/meter.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { StepHead } from '../parts/step-head.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { PracticeTag } from '../parts/tag.tsx';
import { useShownStatus } from '../shown-status.ts';
import { agent, useSection } from '../store.ts';

const BARS = 60;

export function Measurement() {
  const { t } = useStrings();
  const { benchmark } = useSection('machine');
  const isRunning = benchmark.state === 'running';
  return (
    <>
      <StepHead
        title={t(
          benchmark.state === 'done' ? 'welcome.measurement.title.done' : 'welcome.measurement.title.running',
        )}
        lead={t('welcome.measurement.lead')}
        aside={
          isRunning ? (
            <p className="first-timer">
              <span className="hero-num">{Math.floor((benchmark.progress ?? 0) * 100)}%</span>
              <span className="sm soft">{t('home.live.measured')}</span>
            </p>
          ) : null
        }
      />
      <StartNote />
      <section className="card" aria-label={t('welcome.measurement.label')}>
        <ModelRow />
        <DeviceRow kind="gpu" />
        <DeviceRow kind="cpu" />
        <SpeedRow />
      </section>
      <DayCard />
    </>
  );
}

/** A desktop waits until its owner is away; here they can let it run for a while. */
function StartNote() {
  const { t } = useStrings();
  const { presence } = useSection('work');
  const { sentence } = useShownStatus();
  const start = useAction((_: null) => agent.presence.startNow({ for: '1-hour' }));
  if (presence.decision !== 'pause' || presence.reason === 'starting') return null;
  return (
    <>
      <Note
        action={
          <ActionButton onPress={() => start.run(null)} isDisabled={start.busy}>
            {t('pause.start')}
          </ActionButton>
        }
      >
        <p>{sentence}</p>
        <p>{t('welcome.measurement.startNote')}</p>
      </Note>
      <ProblemNote problem={start.problem} />
    </>
  );
}

function MeasureRow(props: {
  icon: IconName;
  title: string;
  note: string;
  isRunning: boolean;
  result: string | null;
  unit?: string;
  state: string;
  children?: ReactNode;
}) {
  return (
    <div className={props.isRunning ? 'measure is-running' : 'measure'}>
      <div>
        <b className="measure-title">
          <Icon name={props.icon} />
          {props.title}
        </b>
        <span className="sm soft">{props.note}</span>
      </div>
      <div className="measure-drawing">{props.children}</div>
      <div className="measure-result">
        <span className={props.result === null ? 'mid-num soft' : 'mid-num'}>{props.result ?? '–'}</span>{' '}
        {props.result === null ? null : props.unit}
        <span className="sm soft">{props.state}</span>
      </div>
    </div>
  );
}

function ModelRow() {
  const { t, language } = useStrings();
  const { models } = useSection('models');
  const { model: served, engine } = useSection('work');
  const model = models.find(({ id }) => id === served) ?? models.find(({ progress }) => progress !== null);
  const progress = model?.progress ?? null;
  const share = progress?.totalBytes ? progress.receivedBytes / progress.totalBytes : null;
  const isReady = engine === 'ready';
  const state = isReady
    ? 'ready'
    : engine === 'loading'
      ? 'loading'
      : model?.state === 'verifying'
        ? 'verifying'
        : progress
          ? 'downloading'
          : 'waiting';
  return (
    <MeasureRow
      icon="models"
      title={t('welcome.measurement.model')}
      note={model?.name ?? t('common.aModel')}
      isRunning={progress !== null || engine === 'loading'}
      result={
        share !== null && !isReady
          ? `${String(Math.floor(share * 100))}%`
          : model?.sizeBytes
            ? writeBytes(model.sizeBytes, language)
            : null
      }
      state={t(`welcome.measurement.modelState.${state}`)}
    >
      <Meter parts={[{ share: isReady ? 1 : (share ?? 0) }]} isBig />
    </MeasureRow>
  );
}

/** The best arithmetic value of a kind of device. */
function bestOf(measurements: readonly Measured[], name: Measured['name']): Measured | null {
  const found = measurements.filter((each) => each.name === name);
  return found.reduce<Measured | null>(
    (best, each) => (best && best.value >= each.value ? best : each),
    null,
  );
}

function DeviceRow({ kind }: { kind: 'gpu' | 'cpu' }) {
  const { t, language } = useStrings();
  const { devices, benchmark } = useSection('machine');
  const samples = useLately();
  const device = devices.find((each) => each.kind === kind);
  const isRunning = benchmark.state === 'running' && benchmark.step === 'graphics-and-processor';
  const best = bestOf(benchmark.measurements, kind === 'gpu' ? 'gpu-arithmetic' : 'cpu-arithmetic');
  if (kind === 'gpu' && device === undefined && best === null) return null;
  const reading: keyof Sample = kind === 'gpu' ? 'watts' : 'cpuPercent';
  const values = lastOf(samples, reading, BARS) as (number | null)[];
  return (
    <MeasureRow
      icon={kind}
      title={t(`welcome.measurement.${kind}`)}
      note={device?.name ?? t('common.unknown')}
      isRunning={isRunning}
      result={best && writeMeasured(best.value, language)}
      unit="GFLOPS"
      state={t(`welcome.measurement.state.${isRunning ? 'running' : best ? 'done' : 'waiting'}`)}
    >
      <Bars
        values={values}
        {...(kind === 'cpu' ? { max: 100 } : {})}
        isLive={isRunning}
        label={t(`welcome.measurement.${kind === 'gpu' ? 'watts' : 'load'}`)}
      />
    </MeasureRow>
  );
}

function SpeedRow() {
  const { t, language } = useStrings();
  const { benchmark } = useSection('machine');
  const { model } = useSection('work');
  const modelName = useModelName();
  const isRunning = benchmark.state === 'running' && benchmark.step === 'engine';
  const decode = benchmark.measurements.find(({ name }) => name === 'decode') ?? null;
  const failed = benchmark.state === 'failed';
  return (
    <MeasureRow
      icon="bolt"
      title={t('welcome.measurement.speed')}
      note={model === null ? t('common.aModel') : modelName(model)}
      isRunning={isRunning}
      result={decode && writeNumber(decode.value, language, decode.value < 10 ? 1 : 0)}
      unit="tokens/s"
      state={t(
        `welcome.measurement.state.${isRunning ? 'running' : decode ? 'done' : failed ? 'again' : 'waiting'}`,
      )}
    >
      <Meter parts={[{ share: isRunning ? (benchmark.progress ?? 0) : decode ? 1 : 0 }]} isBig />
    </MeasureRow>
  );
}

/** The forecast for a day, as soon as the speed is known. */
export function DayCard() {
  const { t } = useStrings();
  const { benchmark } = useSection('machine');
  const { model } = useSection('work');
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const key = `welcome ${String(benchmark.atMs)} ${String(model)}`;
  const { data } = useAnswer(key, () => agent.earnings.forecast({}));
  const forecast = data?.forecast ?? null;
  return (
    <Card label={t('forecast.title')} isPadded className="day-card">
      <div>
        <p className="label">{t('forecast.title')}</p>
        <p>
          <span className="mid-num">
            {forecast === null
              ? t('common.unknown')
              : t('forecast.upTo', { amount: moneyText(forecast.earned.high, asset) })}
          </span>
        </p>
        <p className="sm soft">
          {t(forecast === null ? 'welcome.measurement.dayLater' : 'forecast.oneAtATime')}
        </p>
      </div>
      {asset.practice ? <PracticeTag>{t('forecast.practice')}</PracticeTag> : null}
    </Card>
  );
}
