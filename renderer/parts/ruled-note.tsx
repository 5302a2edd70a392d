/** Settings that an owner set for all machines: the note above them, and which of them can't be changed here. */
import { RULED_SETTINGS, type RuleGroup } from '../../shared/machine-rules.ts';
import type { Settings } from '../../shared/settings.ts';
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
      <p>
        {state.role === 'owner'
          ? t('machines.rules.setForAllOwner')
          : t('machines.rules.setForAllNote', { name: state.ruledBy ?? t('machines.ownerUnknown') })}
      </p>
    </Note>
  );
}

/** Returns whether an owner's other machine set a setting for all, so that a change here would be refused. */
export function useIsRuled(): (name: keyof Settings) => boolean {
  const state = useSection('machines');
  if (state === null || state.role === 'owner') return () => false;
  const names: readonly string[] = state.ruled.flatMap((group) => RULED_SETTINGS[group]);
  return (name) => names.includes(name);
}
