/** Preview of the next 24 hours under the owner's rules: a strip that shows them at a glance, and a list in words. */
import type { SchedulePreview as Day, Stretch } from '../../shared/presence.ts';
import { writeClock, writeDuration } from '../format.ts';
import { useStrings } from './strings.ts';

/** Size of the strip in the units of its drawing. */
const WIDTH = 960;
const HEIGHT = 32;
/** Bars differ in height as well as color: allowed hours get a full bar, the others a lower one. */
const BAR_HEIGHT = { allowed: HEIGHT, 'outside-off-peak': 20, 'outside-schedule': 11, 'paused-by-owner': 5 };
const MARKS = 4;

export function SchedulePreview({ day }: { day: Day }) {
  const { t, language } = useStrings();
  const { timeZone, stretches } = day;
  const fromMs = stretches[0]?.fromMs ?? 0;
  const lengthMs = (stretches.at(-1)?.untilMs ?? 0) - fromMs;
  const clock = (atMs: number) => writeClock(atMs, fromMs, language, timeZone);
  const position = (atMs: number) => ((atMs - fromMs) / lengthMs) * WIDTH;
  return (
    <div className="schedule-preview">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {stretches.map((stretch) => (
          <Bar
            key={stretch.fromMs}
            reason={stretch.reason}
            x={position(stretch.fromMs)}
            width={position(stretch.untilMs) - position(stretch.fromMs)}
          />
        ))}
      </svg>
      <div className="schedule-preview-marks" aria-hidden="true">
        {Array.from({ length: MARKS }, (_, index) => (
          <span key={index}>{clock(fromMs + (index * lengthMs) / MARKS)}</span>
        ))}
      </div>
      <ol className="schedule-preview-list">
        {stretches.map((stretch, index) => (
          <li key={stretch.fromMs}>
            <svg className="schedule-preview-sign" viewBox={`0 0 ${HEIGHT} ${HEIGHT}`} aria-hidden="true">
              <Bar reason={stretch.reason} x={0} width={HEIGHT} />
            </svg>
            <span>
              {index === 0
                ? t('ahead.nowUntil', { until: clock(stretch.untilMs) })
                : t('ahead.fromUntil', { from: clock(stretch.fromMs), until: clock(stretch.untilMs) })}{' '}
              <span className="soft">({writeDuration(roundedMs(stretch), language)})</span>:{' '}
              <strong>{t(`ahead.${stretch.reason ?? 'allowed'}`)}</strong>
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Bar({ reason, x, width }: { reason: Stretch['reason']; x: number; width: number }) {
  const height = BAR_HEIGHT[reason ?? 'allowed'];
  return (
    <rect
      className={`schedule-preview-bar is-${reason ?? 'allowed'}`}
      x={x}
      y={HEIGHT - height}
      width={width}
      height={height}
    />
  );
}

/** Length in whole minutes, because the times next to it have no seconds either. At least one minute. */
function roundedMs({ fromMs, untilMs }: Stretch): number {
  const minute = 60_000;
  return Math.max(minute, (Math.floor(untilMs / minute) - Math.floor(fromMs / minute)) * minute);
}
