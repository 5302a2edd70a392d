/** Schedule: the hours in which Idlewatt may run. */
import type { SettingsPatch } from '../../shared/settings.ts';
import { useAction } from '../calls.ts';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { SchedulePart } from './settings-rules.tsx';

export function Schedule() {
  const { t } = useStrings();
  const settings = useSection('settings');
  const change = useAction((patch: SettingsPatch) => agent.settings.change(patch));
  return (
    <>
      <PageHead title={t('nav.schedule')} />
      <ProblemNote problem={change.problem} />
      <SchedulePart settings={settings} change={change.run} />
    </>
  );
}
