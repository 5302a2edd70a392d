/** Shows the state of a job or transfer by word, shape and color. */
import type { ReactNode } from 'react';
import type { JobState } from '../../shared/jobs.ts';
import { useStrings } from './strings.ts';

type StateKind = 'open' | 'good' | 'bad';

const KIND: Record<JobState, StateKind> = {
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
  return <StateMark kind={KIND[state]}>{t(`job.state.${state}`)}</StateMark>;
}

/** `open`: in progress. `good` and `bad`: how it ended. */
export function StateMark({ kind, children }: { kind: StateKind; children: ReactNode }) {
  return (
    <span className={`state-mark is-${kind}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {kind === 'open' ? <circle cx="6" cy="6" r="4" /> : null}
        {kind === 'good' ? <path d="m2 6.4 2.8 2.8L10 3.6" /> : null}
        {kind === 'bad' ? <path d="m3 3 6 6M9 3 3 9" /> : null}
      </svg>
      {children}
    </span>
  );
}
