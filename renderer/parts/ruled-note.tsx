/** Note above settings that an owner set for all machines. */
import type { RuleGroup } from '../../shared/machine-rules.ts';
import { useSection } from '../store.ts';
import { Note } from './note.tsx';
import { useStrings } from './strings.ts';

/** Nothing where no group of `groups` is set for all. */
export function RuledNote({ groups }: { groups: readonly RuleGroup[] }) {
  const { t, language } = useStrings();
  const state = useSection('machines');
  const ruled = (state?.ruled ?? []).filter((group) => groups.includes(group));
  if (state === null || ruled.length === 0) return null;
  const names = new Intl.ListFormat(language).format(
    ruled.map((group) => t(`machines.rules.group.${group}`)),
  );
  return (
    <Note title={t('machines.rules.setForAll', { groups: names })}>
      <p>{t(state.role === 'owner' ? 'machines.rules.setForAllOwner' : 'machines.rules.setForAllNote')}</p>
    </Note>
  );
}
