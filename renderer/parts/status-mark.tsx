/** Shows the status as a shape, so that color is never the only sign: disc, ring, half disc, bars, dots, square. */
import type { Status } from '../../shared/status.ts';

export function StatusMark({ status }: { status: Status }) {
  return (
    <svg className={`status-mark is-${status}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {status === 'earning' ? <circle cx="8" cy="8" r="6" /> : null}
      {status === 'ready' ? <circle cx="8" cy="8" r="5" className="line" /> : null}
      {status === 'waiting' ? (
        <>
          <circle cx="8" cy="8" r="5" className="line" />
          <path d="M8 3a5 5 0 0 1 0 10z" />
        </>
      ) : null}
      {status === 'paused' ? <path d="M3.5 3h3v10h-3zM9.5 3h3v10h-3z" /> : null}
      {status === 'starting' ? <path d="M2 6.5h3v3H2zM6.5 6.5h3v3h-3zM11 6.5h3v3h-3z" /> : null}
      {status === 'stopped' ? <path d="M3 3h10v10H3z" /> : null}
    </svg>
  );
}
