/** Tag of a job's state: how it goes or how it ended, by icon, word and color. */
import type { JobState } from '../../shared/jobs.ts';
import type { IconName } from './icon.tsx';
import { useStrings } from './strings.ts';
import { Tag, type Tone } from './tag.tsx';

const LOOK: Readonly<Record<JobState, { tone: Tone; icon: IconName }>> = {
  admitted: { tone: 'wait', icon: 'clock' },
  running: { tone: 'wait', icon: 'bolt' },
  delivered: { tone: 'wait', icon: 'clock' },
  charged: { tone: 'good', icon: 'check' },
  claimed: { tone: 'good', icon: 'check' },
  settled: { tone: 'good', icon: 'check' },
  aborted: { tone: 'warning', icon: 'arrow' },
  failed: { tone: 'bad', icon: 'cross' },
  refused: { tone: 'bad', icon: 'cross' },
};

export function JobTag({ state }: { state: JobState }) {
  const { t } = useStrings();
  return (
    <Tag tone={LOOK[state].tone} icon={LOOK[state].icon}>
      {t(`job.state.${state}`)}
    </Tag>
  );
}
