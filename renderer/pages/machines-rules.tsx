/** Part of the page "Machines": which settings an owner set for all machines; an owner chooses them here. */
import { RULE_GROUPS, type RuleGroup } from '../../shared/machine-rules.ts';
import { useAction } from '../calls.ts';
import { Card } from '../parts/card.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { agent } from '../store.ts';

/** The page on which a group is set. */
const PLACES: Readonly<Record<RuleGroup, string>> = {
  running: hrefTo('settings', 'running'),
  schedule: hrefTo('schedule'),
  intensity: hrefTo('machine'),
  jobs: hrefTo('sources'),
  models: hrefTo('settings', 'selling'),
};

export function MachineRules({ ruled, isOwner }: { ruled: readonly RuleGroup[]; isOwner: boolean }) {
  const { t } = useStrings();
  const share = useAction((input: { group: RuleGroup; isShared: boolean }) => agent.machines.share(input));
  return (
    <Card title={t('machines.rules.title')}>
      <p className="use-why sm soft">{t(isOwner ? 'machines.rules.noteOwner' : 'machines.rules.note')}</p>
      <ProblemNote problem={share.problem} />
      {isOwner ? (
        <div className="rows">
          {RULE_GROUPS.map((group) => (
            <Toggle
              key={group}
              label={t(`machines.rules.group.${group}`)}
              note={t(ruled.includes(group) ? 'machines.rules.shared' : 'machines.rules.own')}
              isSelected={ruled.includes(group)}
              isDisabled={share.busy}
              onChange={(isShared) => share.run({ group, isShared })}
            />
          ))}
        </div>
      ) : (
        <Rows>
          {RULE_GROUPS.map((group) => (
            <Row
              key={group}
              title={<b>{t(`machines.rules.group.${group}`)}</b>}
              note={t(ruled.includes(group) ? 'machines.rules.byOwner' : 'machines.rules.here')}
              href={PLACES[group]}
            />
          ))}
        </Rows>
      )}
    </Card>
  );
}
