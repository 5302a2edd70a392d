/** Today by hour: bars of money over a strip of what the machine did. A table with the same facts is behind it. */

import type { Doing } from '../../shared/doings.ts';
import { timeFormat } from '../formatters.ts';
import { useStrings } from './strings.ts';

export interface DayHour {
  readonly fromMs: number;
  /** Sets the height of the bar only; the text comes from `writeValue`. */
  readonly value: number;
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

export function Day(props: {
  hours: readonly DayHour[];
  nowMs: number;
  isPractice: boolean;
  label: string;
  writeValue: (value: number) => string;
}) {
  const { t, language } = useStrings();
  const top = Math.max(...props.hours.map(({ value }) => value), 0);
  const clock = timeFormat(language, { timeStyle: 'short' });
  return (
    <div className="plot">
      <div className={props.isPractice ? 'day is-practice' : 'day'} aria-hidden="true">
        {props.hours.map((hour, index) => {
          const next = props.hours[index + 1]?.fromMs ?? Number.POSITIVE_INFINITY;
          const isNow = hour.fromMs <= props.nowMs && props.nowMs < next;
          const share = top > 0 && hour.value > 0 ? Math.max(SHARE_MIN, hour.value / top) : 0;
          return (
            <div
              key={hour.fromMs}
              className={[hour.did === null ? '' : CLASSES[hour.did], isNow ? 'is-now' : ''].join(' ').trim()}
            >
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
      <div className="for-readers">
        <table>
          <caption>{props.label}</caption>
          <thead>
            <tr>
              <th scope="col">{t('day.hour')}</th>
              <th scope="col">{t('day.earned')}</th>
              <th scope="col">{t('day.did')}</th>
            </tr>
          </thead>
          <tbody>
            {props.hours
              .filter(({ did, value }) => did !== null || value > 0)
              .map((hour) => (
                <tr key={hour.fromMs}>
                  <th scope="row">{clock.format(hour.fromMs)}</th>
                  <td>{props.writeValue(hour.value)}</td>
                  <td>{hour.did === null ? t('common.unknown') : t(`day.${hour.did}`)}</td>
                </tr>
              ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

export function DayKey({ isPractice }: { isPractice: boolean }) {
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
    </div>
  );
}
