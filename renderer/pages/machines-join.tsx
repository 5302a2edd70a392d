/** Part of the page "Machines": joins the network of another machine by the words that it shows. */
import { useState } from 'react';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import { PAIRING_CODE_CHARACTERS_MAX } from '../../shared/machines.ts';
import { useAction } from '../calls.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { Note } from '../parts/note.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent } from '../store.ts';

/** Only for a machine without others: it would leave them. */
export function MachineJoin() {
  const { t } = useStrings();
  const [code, setCode] = useState('');
  const join = useAction((words: string) => agent.machines.join({ code: words }));
  const isReady = code.trim() !== '' && !join.busy;
  const submit = () => {
    if (isReady) join.run(code);
  };
  return (
    <Card title={t('machines.join.title')}>
      <p className="use-why sm soft">{t('machines.join.note')}</p>
      <form
        className="engine-form use-why"
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <TextField className="field" value={code} onChange={setCode} autoComplete="off" spellCheck="false">
          <Label className="field-label">{t('machines.join.label')}</Label>
          <Input className="input" maxLength={PAIRING_CODE_CHARACTERS_MAX} />
        </TextField>
        <ActionButton isDisabled={!isReady} onPress={submit}>
          {t(join.busy ? 'machines.join.searching' : 'machines.join.act')}
        </ActionButton>
      </form>
      <ProblemNote problem={join.problem} />
      {join.result === null ? null : (
        <Note tone="info" role="status" title={t('machines.join.done')}>
          <p>{t(join.result.restarts ? 'machines.join.restarts' : 'machines.join.nextStart')}</p>
        </Note>
      )}
    </Card>
  );
}
