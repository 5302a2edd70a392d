/** Part of the page "Machines": one payout address for all machines that sell to others. The owner confirms it outside of the page. */
import { useState } from 'react';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import type { MachinesState } from '../../shared/machines.ts';
import { useAction } from '../calls.ts';
import { writeMoment } from '../format.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useNow, useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const ADDRESS_LENGTH = 42;

export function MachinePayout({ state }: { state: MachinesState }) {
  const { t } = useStrings();
  const [typed, setTyped] = useState('');
  const request = useAction((address: string | null) => agent.machines.requestPayout({ address }));
  const { payout } = state;
  const isOwner = state.role === 'owner';
  const address = typed.trim();
  const isReady = ADDRESS.test(address) && address !== payout?.address && !request.busy;
  if (!isOwner && payout === null) return null;
  return (
    <Card title={t('machines.payout.title')}>
      <p className="use-why sm soft">{t('machines.payout.note')}</p>
      {payout === null ? null : <Current state={state} payout={payout} />}
      {isOwner ? (
        <form
          className="engine-form use-why"
          onSubmit={(event) => {
            event.preventDefault();
            if (isReady) request.run(address);
          }}
        >
          <TextField
            className="field"
            value={typed}
            onChange={setTyped}
            autoComplete="off"
            spellCheck="false"
          >
            <Label className="field-label">{t('machines.payout.label')}</Label>
            <Input className="input" maxLength={ADDRESS_LENGTH} />
          </TextField>
          <ActionButton isDisabled={!isReady} onPress={() => request.run(address)}>
            {t('machines.payout.act')}
          </ActionButton>
          {payout === null ? null : (
            <ActionButton kind="quiet" isDisabled={request.busy} onPress={() => request.run(null)}>
              {t('machines.payout.end')}
            </ActionButton>
          )}
        </form>
      ) : null}
      <ProblemNote problem={request.problem} />
      {request.result === null ? null : (
        <Note tone="info" role="status">
          {t('machines.payout.asked')}
        </Note>
      )}
    </Card>
  );
}

function Current({
  state: { machines },
  payout: { address, by, setAtMs },
}: {
  state: MachinesState;
  payout: NonNullable<MachinesState['payout']>;
}) {
  const { t, language } = useStrings();
  const nowMs = useNow(60_000);
  const others = machines.filter(({ report }) => report?.outside && report.outside.payout !== address);
  return (
    <div className="use-why">
      <p>
        <code className="long-code">{address}</code>
      </p>
      <p className="sm soft">
        {t('machines.payout.setBy', {
          name: by ?? t('machines.ownerUnknown'),
          time: writeMoment(setAtMs, nowMs, language),
        })}
      </p>
      {others.length === 0 ? null : (
        <p className="sm soft">
          {t('machines.payout.notYet', {
            names: new Intl.ListFormat(language).format(others.map(({ name }) => name)),
          })}
        </p>
      )}
    </div>
  );
}
