/** Part of the page "Machines": shows a code with which one more machine joins. */
import { useState } from 'react';
import { MACHINE_ROLES, type MachineRole, PAIRING_MINUTES } from '../../shared/machines.ts';
import { useAction } from '../calls.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Pick } from '../parts/pick.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Rows } from '../parts/rows.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

export function MachineInvitation() {
  const { t } = useStrings();
  const [role, setRole] = useState<MachineRole>('use');
  const invite = useAction((wanted: MachineRole) => agent.machines.invite({ role: wanted }));
  const nowMs = useNow();
  const open = invite.result !== null && invite.result.expiresAtMs > nowMs ? invite.result : null;
  return (
    <Card title={t('machines.add')}>
      <ProblemNote problem={invite.problem} />
      <Rows>
        <li>
          <Pick
            label={t('machines.roleHead')}
            note={t(`machines.roleNote.${role}`)}
            value={role}
            options={MACHINE_ROLES.map((value) => ({ value, label: t(`machines.role.${value}`) }))}
            onChange={setRole}
          />
        </li>
      </Rows>
      {open === null ? null : (
        <div role="status" className="use-why">
          <p className="pairing-words">
            <code>{open.code}</code>
          </p>
          <p className="sm soft">{t('machines.codeNote', { minutes: PAIRING_MINUTES })}</p>
        </div>
      )}
      <p className="use-why">
        <ActionButton isDisabled={invite.busy} onPress={() => invite.run(role)}>
          {t(open === null ? 'machines.showCode' : 'machines.newCode')}
        </ActionButton>
      </p>
    </Card>
  );
}
