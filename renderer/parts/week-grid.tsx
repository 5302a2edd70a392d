/** Grid of a week's hours to turn on and off. The whole grid is one tab stop; arrow keys move inside it. */
import { type KeyboardEvent, useRef, useState } from 'react';
import { Button } from 'react-aria-components';
import {
  DAY_HOURS,
  everyDay,
  isOn,
  WEEK_DAYS,
  type Week,
  type WeekHour,
  withHour,
} from '../../shared/week.ts';
import { useStrings } from './strings.ts';

const STEPS: Readonly<Record<string, readonly [days: number, hours: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
const ALL = everyDay(0, DAY_HOURS);
const NONE: Week = Array.from({ length: WEEK_DAYS }, () => '0'.repeat(DAY_HOURS));
/** A Monday; the names of the weekdays are formatted from it. */
const MONDAY_MS = Date.UTC(2024, 0, 1, 12);
const DAY_MS = 86_400_000;

export function WeekGrid(props: { label: string; week: Week; onChange: (week: Week) => void }) {
  const { t, language } = useStrings();
  const [focused, setFocused] = useState<WeekHour>({ weekday: 0, hour: 0 });
  const body = useRef<HTMLTableSectionElement>(null);
  const name = (weekday: number, style: 'short' | 'long') =>
    new Intl.DateTimeFormat(language, { weekday: style, timeZone: 'UTC' }).format(
      MONDAY_MS + weekday * DAY_MS,
    );
  const move = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const weekday = Math.min(WEEK_DAYS - 1, Math.max(0, focused.weekday + step[0]));
    const hour = Math.min(DAY_HOURS - 1, Math.max(0, focused.hour + step[1]));
    setFocused({ weekday, hour });
    body.current?.rows[weekday]?.querySelectorAll('button')[hour]?.focus();
  };
  return (
    <div className="week">
      <p className="field-label">{props.label}</p>
      <table className="week-grid" aria-label={props.label}>
        <thead>
          <tr>
            <td />
            {[0, 6, 12, 18].map((hour) => (
              <th key={hour} scope="colgroup" colSpan={6}>
                {hour}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={move}>
          {props.week.map((_, weekday) => (
            <tr key={name(weekday, 'long')}>
              <th scope="row">{name(weekday, 'short')}</th>
              {Array.from({ length: DAY_HOURS }, (_hour, hour) => {
                const on = isOn(props.week, { weekday, hour });
                const isStop = focused.weekday === weekday && focused.hour === hour;
                return (
                  <td key={hour}>
                    <button
                      type="button"
                      className="week-hour"
                      tabIndex={isStop ? 0 : -1}
                      aria-pressed={on}
                      aria-label={t('settings.hourLabel', {
                        day: name(weekday, 'long'),
                        from: hour,
                        to: hour + 1,
                      })}
                      onFocus={() => setFocused({ weekday, hour })}
                      onClick={() => props.onChange(withHour(props.week, { weekday, hour }, !on))}
                    />
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
      <p className="week-all">
        <Button className="button is-small" onPress={() => props.onChange(ALL)}>
          {t('settings.everyHour')}
        </Button>
        <Button className="button is-small" onPress={() => props.onChange(NONE)}>
          {t('settings.noHour')}
        </Button>
      </p>
    </div>
  );
}
