/**
 * Grid of a week's hours, painted with a brush: drag over hours with the mouse, tap single ones, or use the arrow keys
 * and Space. The grid is one tab stop. Off-peak hours are a strip below each hour.
 */
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import { DAY_HOURS, isOn, WEEK_DAYS, type Week, type WeekHour } from '../../shared/week.ts';
import { useStrings } from './strings.ts';

const STEPS: Readonly<Record<string, readonly [days: number, hours: number]>> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};
/** A Monday; the names of the weekdays are formatted from it. */
const MONDAY_MS = Date.UTC(2024, 0, 1, 12);
const DAY_MS = 86_400_000;
const LABEL_HOURS = 3;

/** Hours from one corner to the opposite one. */
export interface Area {
  readonly from: WeekHour;
  readonly to: WeekHour;
}

export interface WeekGridProps {
  readonly label: string;
  readonly hours: Week;
  readonly offPeak: Week;
  /** Hours that are on run regardless of the owner's use of the machine. */
  readonly isAlways: boolean;
  /** Local hour of now, which gets a mark; null if it is unknown. */
  readonly now: WeekHour | null;
  /** Shows the hours without letting the owner paint. */
  readonly isDisabled?: boolean;
  readonly onPaint: (area: Area) => void;
}

export function WeekGrid(props: WeekGridProps) {
  const { language } = useStrings();
  const [focused, setFocused] = useState<WeekHour>({ weekday: 0, hour: 0 });
  const [drag, setDrag] = useState<Area | null>(null);
  const body = useRef<HTMLTableElement>(null);
  const isDisabled = props.isDisabled ?? false;
  const onPaint = isDisabled ? () => undefined : props.onPaint;
  const name = (weekday: number, style: 'short' | 'long') =>
    new Intl.DateTimeFormat(language, { weekday: style, timeZone: 'UTC' }).format(
      MONDAY_MS + weekday * DAY_MS,
    );
  const focus = (place: WeekHour) => {
    setFocused(place);
    body.current
      ?.querySelector<HTMLElement>(`[data-place="${place.weekday}-${place.hour}"]`)
      ?.focus({ preventScroll: false });
  };
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const weekday = Math.min(WEEK_DAYS - 1, Math.max(0, focused.weekday + step[0]));
    const hour = Math.min(DAY_HOURS - 1, Math.max(0, focused.hour + step[1]));
    // With Shift the hours that are passed are painted, too.
    if (event.shiftKey) onPaint({ from: focused, to: { weekday, hour } });
    focus({ weekday, hour });
  };
  const painting = usePainting({ drag, setDrag, onPaint, setFocused });
  const pointers = isDisabled ? {} : painting;
  return (
    <div className="week-scroll">
      <table className="week" aria-label={props.label} ref={body} onKeyDown={press} {...pointers}>
        <thead>
          <tr>
            <td />
            {Array.from({ length: DAY_HOURS / LABEL_HOURS }, (_, index) => (
              <th key={index} scope="colgroup" colSpan={LABEL_HOURS}>
                {String(index * LABEL_HOURS).padStart(2, '0')}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {props.hours.map((_, weekday) => (
            <tr key={name(weekday, 'long')}>
              <th scope="row">{name(weekday, 'short')}</th>
              {Array.from({ length: DAY_HOURS }, (_hour, hour) => {
                const place = { weekday, hour };
                return (
                  <Hour
                    key={hour}
                    place={place}
                    day={name(weekday, 'long')}
                    grid={{ ...props, isDisabled, onPaint }}
                    isStop={focused.weekday === weekday && focused.hour === hour}
                    isSelected={drag !== null && isWithin(drag, place)}
                  />
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Hour(props: {
  place: WeekHour;
  day: string;
  grid: WeekGridProps;
  isStop: boolean;
  isSelected: boolean;
}) {
  const { t } = useStrings();
  const { place, grid } = props;
  const runs = isOn(grid.hours, place);
  const isOffPeak = isOn(grid.offPeak, place);
  const isNow = grid.now?.weekday === place.weekday && grid.now.hour === place.hour;
  const rule = t(
    runs ? (grid.isAlways ? 'settings.brush.always' : 'settings.brush.run') : 'settings.brush.never',
  );
  const names = [
    t('settings.hourLabel', { day: props.day, from: place.hour, to: place.hour + 1 }),
    rule,
    isOffPeak ? t('settings.brush.offPeak') : null,
    isNow ? t('settings.now') : null,
  ];
  const className = [
    'c',
    runs ? (grid.isAlways ? 'y' : 'w') : 'n',
    isNow ? 'cur' : '',
    props.isSelected ? 'sel' : '',
  ];
  return (
    <td>
      <button
        type="button"
        tabIndex={props.isStop ? 0 : -1}
        className={className.filter(Boolean).join(' ')}
        data-place={`${place.weekday}-${place.hour}`}
        aria-pressed={runs}
        aria-disabled={grid.isDisabled ?? false}
        aria-label={names.filter(Boolean).join(', ')}
        onClick={(event) => {
          // Pressed by keyboard or a screen reader; a pointer needs no key to paint.
          if (event.detail === 0) grid.onPaint({ from: place, to: place });
        }}
      >
        <i className={isOffPeak ? 'tariff low' : 'tariff'} aria-hidden="true" />
      </button>
    </td>
  );
}

/** Dragging with the mouse or a pen paints a rectangle; a tap paints one hour, so that a finger can scroll. */
function usePainting(parts: {
  drag: Area | null;
  setDrag: (area: Area | null) => void;
  onPaint: (area: Area) => void;
  setFocused: (place: WeekHour) => void;
}) {
  const { drag, setDrag, onPaint, setFocused } = parts;
  return {
    onPointerDown(event: PointerEvent) {
      const place = placeAt(event.target);
      if (place === null || event.button !== 0) return;
      setFocused(place);
      if (event.pointerType !== 'touch') setDrag({ from: place, to: place });
    },
    onPointerMove(event: PointerEvent) {
      const place = placeAt(event.target);
      if (drag !== null && place !== null) setDrag({ from: drag.from, to: place });
    },
    onPointerUp(event: PointerEvent) {
      const place = placeAt(event.target);
      if (drag !== null) onPaint(drag);
      else if (event.pointerType === 'touch' && place !== null) onPaint({ from: place, to: place });
      setDrag(null);
    },
    onPointerLeave() {
      if (drag !== null) onPaint(drag);
      setDrag(null);
    },
    onPointerCancel: () => setDrag(null),
  };
}

function placeAt(target: EventTarget): WeekHour | null {
  const cell = target instanceof Element ? target.closest<HTMLElement>('[data-place]') : null;
  const [weekday, hour] = (cell?.dataset.place ?? '').split('-').map(Number);
  return weekday === undefined || hour === undefined || Number.isNaN(hour) ? null : { weekday, hour };
}

export function isWithin({ from, to }: Area, { weekday, hour }: WeekHour): boolean {
  const between = (value: number, one: number, other: number) =>
    value >= Math.min(one, other) && value <= Math.max(one, other);
  return between(weekday, from.weekday, to.weekday) && between(hour, from.hour, to.hour);
}
