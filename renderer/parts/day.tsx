/** Today by hour: bars of money, earned and expected, over a strip of what the machine did. A table with the same facts is behind it. */
import type { Doing } from '../../shared/doings.ts';
import { timeFormat } from '../formatters.ts';
import { useStrings } from './strings.ts';

export interface DayHour {
  readonly fromMs: number;
  /** Sets the height of the bar only; the text comes from `writeValue`. */
  readonly value: number;
  /** Expected in the rest of the hour; null if the hour is over or nothing can be expected. */
  readonly expected: number | null;
  readonly did: Doing | null;
}

const CLASSES: Readonly<Record<Doing, string>> = {
  working: 'is-earning',
  ready: 'is-ready',
  waiting: 'is-owners',
  paused: 'is-paused',
};
/** Places of the axis. */
const MARKS = [0, 6, 12, 18, 24];
const SHARE_MIN = 0.04;

interface DayProps {
  readonly hours: readonly DayHour[];
  readonly nowMs: number;
  readonly isPractice: boolean;
  readonly label: string;
  readonly writeValue: (value: number) => string;
}

export function Day(props: DayProps) {
  const { hours, nowMs } = props;
  const top = Math.max(0, ...hours.map((hour) => Math.max(hour.value, comingOf(hour, nowMs) ?? 0)));
  return (
    <div className="plot">
      <div className={props.isPractice ? 'day is-practice' : 'day'} aria-hidden="true">
        {hours.map((hour, index) => {
          const next = hours[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
          const isNow = hour.fromMs <= nowMs && nowMs < next;
          const coming = comingOf(hour, nowMs);
          const value = coming ?? hour.value;
          const share = top > 0 && value > 0 ? Math.max(SHARE_MIN, value / top) : 0;
          const classes = [
            hour.did === null ? '' : CLASSES[hour.did],
            isNow ? 'is-now' : '',
            coming === null ? '' : 'is-expected',
          ];
          return (
            <div key={hour.fromMs} className={classes.join(' ').trim()}>
              <div className="day-bar" style={{ blockSize: `${(share * 100).toFixed(1)}%` }} />
              <div className="day-strip" />
            </div>
          );
        })}
      </div>
      <div className="day-axis" aria-hidden="true">
        {MARKS.map((mark) => (
          <span key={mark}>{String(mark).padStart(2, '0')}</span>
        ))}
      </div>
      <DayTable {...props} />
    </div>
  );
}

/** Expected earnings of an hour that has not begun; null for another one, and where nothing can be expected. */
function comingOf({ fromMs, expected }: DayHour, nowMs: number): number | null {
  return fromMs > nowMs ? expected : null;
}

function DayTable({ hours, nowMs, label, writeValue }: DayProps) {
  const { t, language } = useStrings();
  const clock = timeFormat(language, { timeStyle: 'short' });
  const didText = (hour: DayHour) => {
    if (comingOf(hour, nowMs) !== null) return t('day.expected');
    return hour.did === null ? t('common.unknown') : t(`day.${hour.did}`);
  };
  return (
    <div className="for-readers">
      <table>
        <caption>{label}</caption>
        <thead>
          <tr>
            <th scope="col">{t('day.hour')}</th>
            <th scope="col">{t('day.earned')}</th>
            <th scope="col">{t('day.did')}</th>
          </tr>
        </thead>
        <tbody>
          {hours
            .filter((hour) => hour.did !== null || hour.value > 0 || comingOf(hour, nowMs) !== null)
            .map((hour) => (
              <tr key={hour.fromMs}>
                <th scope="row">{clock.format(hour.fromMs)}</th>
                <td>{writeValue(comingOf(hour, nowMs) ?? hour.value)}</td>
                <td>{didText(hour)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </div>
  );
}

export function DayKey({ isPractice, hasExpected }: { isPractice: boolean; hasExpected: boolean }) {
  const { t } = useStrings();
  return (
    <div className="key" aria-hidden="true">
      <span>
        <i className={isPractice ? 'is-practice' : 'is-earning'} />
        {t(isPractice ? 'money.practice' : 'day.working')}
      </span>
      <span>
        <i className="is-owners" />
        {t('day.waiting')}
      </span>
      <span>
        <i className="is-ready" />
        {t('day.ready')}
      </span>
      <span>
        <i className="is-paused" />
        {t('day.paused')}
      </span>
      {hasExpected ? (
        <span>
          <i className="is-expected" />
          {t('day.expected')}
        </span>
      ) : null}
    </div>
  );
}
