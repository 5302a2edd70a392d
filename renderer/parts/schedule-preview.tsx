/** Preview of the next 24 hours under the owner's rules: a ribbon that shows them at a glance, and a list in words. */
import type { SchedulePreview as Day, Stretch } from '../../shared/presence.ts';
import { writeClock, writeDuration } from '../format.ts';
import { useStrings } from './strings.ts';

export function SchedulePreview({ day, isAlways }: { day: Day; isAlways: boolean }) {
  const { t, language } = useStrings();
  const { timeZone, stretches } = day;
  const fromMs = stretches[0]?.fromMs ?? 0;
  const lengthMs = Math.max(1, (stretches.at(-1)?.untilMs ?? 0) - fromMs);
  const clock = (atMs: number) => writeClock(atMs, fromMs, language, timeZone);
  const word = (reason: Stretch['reason']) =>
    t(reason === null ? (isAlways ? 'settings.brush.always' : 'settings.brush.run') : `ahead.${reason}`);
  return (
    <div className="schedule-preview">
      <div className="ribbon" aria-hidden="true">
        {stretches.map((stretch) => {
          const share = (stretch.untilMs - stretch.fromMs) / lengthMs;
          return (
            <span
              key={stretch.fromMs}
              className={stretch.reason === null ? (isAlways ? 'y' : 'w') : 'is-paused'}
              style={{ flexGrow: share, flexBasis: 0 }}
            >
              <span className={stretch.reason === null ? undefined : 'chip'}>{word(stretch.reason)}</span>
            </span>
          );
        })}
      </div>
      <ol className="schedule-preview-list sm">
        {stretches.map((stretch, index) => (
          <li key={stretch.fromMs}>
            {index === 0
              ? t('ahead.nowUntil', { until: clock(stretch.untilMs) })
              : t('ahead.fromUntil', { from: clock(stretch.fromMs), until: clock(stretch.untilMs) })}{' '}
            <span className="soft">({writeDuration(roundedMs(stretch), language)})</span>:{' '}
            <strong>{t(`ahead.${stretch.reason ?? 'allowed'}`)}</strong>
          </li>
        ))}
      </ol>
    </div>
  );
}

/** Length in whole minutes, because the times next to it have no seconds either. At least one minute. */
function roundedMs({ fromMs, untilMs }: Stretch): number {
  const minute = 60_000;
  return Math.max(minute, (Math.floor(untilMs / minute) - Math.floor(fromMs / minute)) * minute);
}
