/** A job's state by word, shape and colour. */
import type { JobState } from '../../shared/jobs.ts';
import { useStrings } from './strings.ts';

const KIND: Record<JobState, 'open' | 'good' | 'bad'> = {
  admitted: 'open',
  running: 'open',
  delivered: 'open',
  charged: 'good',
  claimed: 'good',
  settled: 'good',
  aborted: 'bad',
  failed: 'bad',
  refused: 'bad',
};

export function JobStateMark({ state }: { state: JobState }) {
  const { t } = useStrings();
  return (
    <span className={`job-state is-${KIND[state]}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {KIND[state] === 'open' ? <circle cx="6" cy="6" r="4" /> : null}
        {KIND[state] === 'good' ? <path d="m2 6.4 2.8 2.8L10 3.6" /> : null}
        {KIND[state] === 'bad' ? <path d="m3 3 6 6M9 3 3 9" /> : null}
      </svg>
      {t(`job.state.${state}`)}
    </span>
  );
}
