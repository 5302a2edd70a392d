/** Live view of the state panel: one number with its bars, or the progress of what is being prepared. */
import type { CSSProperties, ReactNode } from 'react';
import {
  secondsLeft,
  writeBytes,
  writeDuration,
  writeMeasured,
  writeMoment,
  writeNumber,
} from '../format.ts';
import { useLast } from '../lately.ts';
import { useMoneyText } from '../parts/amount.tsx';
import { Bars } from '../parts/bars.tsx';
import { Meter } from '../parts/meter.tsx';
import { useModelName, useNow, useStrings } from '../parts/strings.ts';
import { useShownStatus } from '../shown-status.ts';
import { useConnection, useSection, useValue } from '../store.ts';

/** Bars in the view, one per second. */
const BARS = 60;
const DIGIT_EM = 0.6;
const SIGN_EM = 0.28;

export function LiveView() {
  const { models } = useSection('models');
  const isMeasuring = useValue('machine', ({ benchmark }) => benchmark.state === 'running');
  const { presence, handBacks } = useSection('work');
  const { status } = useConnection();
  const { status: shown } = useShownStatus();
  const download = models.find((model) => model.progress !== null);
  if (status !== 'live') return <LastAnswer />;
  if (download && shown === 'starting') return <Download id={download.id} />;
  if (isMeasuring) return <Measuring />;
  if (presence.reason === 'paused-by-owner' && presence.untilMs !== null) return <Countdown />;
  if (shown === 'waiting' && handBacks.length > 0) return <LastHandBack />;
  return <Speed />;
}

/** Rows of the view: a number with its unit, something at the end, the drawing, and an axis. */
function View(props: {
  number: ReactNode;
  unit: string;
  end?: string | null;
  children: ReactNode;
  axis: readonly string[];
}) {
  return (
    <div className="panel-live">
      <div className="live-top" style={typeof props.number === 'string' ? widthOf(props.number) : undefined}>
        <span className="live-num">{props.number}</span>
        <span className="live-unit">{props.unit}</span>
        {props.end ? <span className="live-end">{props.end}</span> : null}
      </div>
      {props.children}
      <div className="axis" aria-hidden="true">
        {props.axis.map((text) => (
          <span key={text}>{text}</span>
        ))}
      </div>
    </div>
  );
}

/** Tells the styles the width of a number, in em of its font, in which all digits are equally wide. */
function widthOf(number: string): CSSProperties {
  const digits = number.replaceAll(/\D/g, '').length;
  const width = digits * DIGIT_EM + (number.length - digits) * SIGN_EM;
  return { '--live-width': width } as CSSProperties;
}

function SpeedBars({ isLive = false }: { isLive?: boolean }) {
  const { t, language } = useStrings();
  const values = useLast('tokensPerSecond', BARS);
  const owners = useLast('isOwners', BARS).map((isOwners) => isOwners === true);
  const speed = writeMeasured(values.at(-1) ?? 0, language);
  return <Bars values={values} owners={owners} isLive={isLive} label={t('home.live.bars', { speed })} />;
}

function useMinuteAxis(): readonly string[] {
  const { t } = useStrings();
  return [t('home.live.minuteAgo'), t('home.live.now')];
}

/** Speed of the running jobs; nothing runs: 0. */
function Speed() {
  const { t, language } = useStrings();
  const work = useSection('work');
  const { asset } = useSection('money');
  const moneyText = useMoneyText();
  const nowMs = useNow(60_000);
  const isEarning = work.activeJobs.length > 0;
  const lastMs = work.tokensPerSecondAtMs;
  const end = isEarning
    ? work.perHour === null
      ? null
      : t('home.live.perHour', { amount: moneyText(work.perHour.earned, asset) })
    : lastMs === null
      ? null
      : t('home.live.lastJob', { time: writeMoment(lastMs, nowMs, language) });
  return (
    <View
      number={writeMeasured(isEarning ? (work.tokensPerSecond ?? 0) : 0, language)}
      unit={t('home.live.tokens')}
      end={end}
      axis={useMinuteAxis()}
    >
      <SpeedBars isLive={isEarning} />
    </View>
  );
}

/** The last hand-back: the number that counts while the owner uses the machine. */
function LastHandBack() {
  const { t, language } = useStrings();
  const { handBacks } = useSection('work');
  const nowMs = useNow(60_000);
  const last = handBacks[0];
  return (
    <View
      number={<ShortTime ms={last?.durationMs ?? 0} />}
      unit={t('home.live.givenBack')}
      end={last ? t('home.live.at', { time: writeMoment(last.atMs, nowMs, language) }) : null}
      axis={useMinuteAxis()}
    >
      <SpeedBars />
    </View>
  );
}

/** Seconds with one decimal, below 100 ms in milliseconds. */
export function ShortTime({ ms }: { ms: number }) {
  const { language } = useStrings();
  const isShort = ms < 100;
  return (
    <>
      {isShort ? writeNumber(Math.max(1, ms), language) : writeNumber(ms / 1000, language, 1)}
      <span className="u-unit"> {isShort ? 'ms' : 's'}</span>
    </>
  );
}

/** Time until a pause ends. */
function Countdown() {
  const { t, language } = useStrings();
  const { presence } = useSection('work');
  const nowMs = useNow();
  const untilMs = presence.untilMs ?? nowMs;
  const leftMinutes = Math.max(0, Math.ceil((untilMs - nowMs) / 60_000));
  const share = (nowMs - presence.sinceMs) / Math.max(1, untilMs - presence.sinceMs);
  const [since, until] = [presence.sinceMs, untilMs].map((atMs) => writeMoment(atMs, nowMs, language));
  const left = `${String(Math.floor(leftMinutes / 60))}:${String(leftMinutes % 60).padStart(2, '0')}`;
  return (
    <View
      number={left}
      unit={t('home.live.untilResume')}
      end={t('home.live.at', { time: until })}
      axis={[since ?? '', until ?? '']}
    >
      <div className="ribbon" role="img" aria-label={t('home.live.pause', { since, until })}>
        <span className="is-off" style={{ flex: Math.max(0.02, share) }} />
        <span className="is-paused" style={{ flex: Math.max(0.02, 1 - share) }} />
      </div>
    </View>
  );
}

function Download({ id }: { id: string }) {
  const { t, language } = useStrings();
  const { models } = useSection('models');
  const modelName = useModelName();
  const model = models.find((each) => each.id === id);
  const progress = model?.progress;
  if (!progress) return null;
  const { receivedBytes, totalBytes, bytesPerSecond } = progress;
  const left = secondsLeft(progress);
  const share = totalBytes ? receivedBytes / totalBytes : 0;
  const isVerifying = model.state === 'verifying';
  const received = writeBytes(receivedBytes, language);
  const steps = (['download', 'verify', 'load', 'ready'] as const).map((step, index) =>
    t(`home.live.step.${step}`, { number: index + 1 }),
  );
  return (
    <View
      number={totalBytes ? <Percent share={share} /> : received}
      unit={
        totalBytes
          ? t('home.live.received', { received, total: writeBytes(totalBytes, language) })
          : modelName(id)
      }
      end={
        isVerifying
          ? t('home.live.verifying')
          : [
              bytesPerSecond ? `${writeBytes(bytesPerSecond, language)}/s` : null,
              left === null ? null : t('home.live.left', { time: writeDuration(left * 1000, language) }),
            ]
              .filter((part) => part !== null)
              .join(' · ')
      }
      axis={steps}
    >
      <ProgressLine
        share={isVerifying ? 1 : share}
        label={t('home.live.downloading', { model: modelName(id) })}
      />
    </View>
  );
}

function Measuring() {
  const { t } = useStrings();
  const { benchmark } = useSection('machine');
  const share = benchmark.progress ?? 0;
  return (
    <View
      number={<Percent share={share} />}
      unit={t('home.live.measured')}
      end={t(`home.live.measuring.${benchmark.step === 'engine' ? 'engine' : 'machine'}`)}
      axis={[t('home.live.step.start'), t('home.live.step.done')]}
    >
      <ProgressLine share={share} label={t('home.live.measured')} />
    </View>
  );
}

function Percent({ share }: { share: number }) {
  return (
    <>
      {Math.floor(Math.min(1, Math.max(0, share)) * 100)}
      <span className="u-unit"> %</span>
    </>
  );
}

function ProgressLine({ share, label }: { share: number; label: string }) {
  return (
    <div
      className="live-progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
    >
      <Meter parts={[{ share }]} isBig />
    </div>
  );
}

/** The page has lost its agent: when it last answered. */
function LastAnswer() {
  const { t, language } = useStrings();
  const { lostAtMs } = useConnection();
  const nowMs = useNow(10_000);
  const clock = new Intl.DateTimeFormat(language, { timeStyle: 'short' }).format(lostAtMs ?? nowMs);
  return (
    <View
      number={<span className="soft">{clock}</span>}
      unit={t('home.live.lastAnswer')}
      axis={useMinuteAxis()}
    >
      <SpeedBars />
    </View>
  );
}
