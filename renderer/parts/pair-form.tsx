/** Lets a browser without access enter the code that the terminal shows. */

import { useState } from 'react';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import type { PairProblem } from '../../shared/pairing.ts';
import { COMMAND } from '../command.ts';
import { pairBrowser } from '../connection.ts';
import { ActionButton } from './button.tsx';
import { useStrings } from './strings.ts';

/** Longest name that the agent takes. */
const NAME_LENGTH_MAX = 60;

export function PairForm() {
  const { t } = useStrings();
  const [code, setCode] = useState('');
  const [problem, setProblem] = useState<PairProblem | 'unreachable' | null>(null);
  const [busy, setBusy] = useState(false);
  const pair = async () => {
    if (code.trim() === '' || busy) return;
    setBusy(true);
    setProblem(await pairBrowser(code, browserName(t('pair.unknownBrowser'))));
    setBusy(false);
  };
  return (
    <form
      className="pair-form"
      onSubmit={(event) => {
        event.preventDefault();
        void pair();
      }}
    >
      <p>
        {t('pair.how')} <code className="unbroken">{COMMAND} pair</code>
      </p>
      <TextField className="field" value={code} onChange={setCode} autoComplete="off" spellCheck="false">
        <Label className="field-label">{t('pair.code')}</Label>
        <Input className="input" placeholder="XXXX-XXXX" maxLength={20} />
      </TextField>
      <ActionButton kind="primary" isDisabled={code.trim() === '' || busy} onPress={() => void pair()}>
        {t('pair.act')}
      </ActionButton>
      <p role="alert">{problem === null ? '' : t(`pair.problem.${problem}`)}</p>
    </form>
  );
}

/** For example "Firefox, Linux". */
function browserName(unknown: string): string {
  const { userAgent } = navigator;
  const browser = ['Edg', 'Firefox', 'Chrome', 'Safari'].find((name) => userAgent.includes(`${name}/`));
  const system = ['Windows', 'Android', 'iPhone', 'Mac OS', 'Linux'].find((name) => userAgent.includes(name));
  return [browser?.replace('Edg', 'Edge') ?? unknown, ...(system ? [system] : [])]
    .join(', ')
    .slice(0, NAME_LENGTH_MAX);
}
