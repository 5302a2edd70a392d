/** Page "Buy inference": web pages and host names that the owner lets use the gateway; none by default. */
import { useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import { GATEWAY_EXCEPTIONS_MAX, type Settings, settingsSchema } from '../../shared/settings.ts';
import { useAction } from '../calls.ts';
import { originOf } from '../origin.ts';
import { ActionButton } from '../parts/button.tsx';
import { Card } from '../parts/card.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';

type Exception = 'gatewayOrigins' | 'gatewayHosts';

/** The text as it is stored: people copy whole addresses. */
const NORMALIZED: Readonly<Record<Exception, (text: string) => string>> = {
  gatewayOrigins: originOf,
  gatewayHosts: (text) => text.trim().toLowerCase(),
};

export function Exceptions() {
  const { t } = useStrings();
  const change = useAction((patch: Partial<Pick<Settings, Exception>>) => agent.settings.change(patch));
  return (
    <Card title={t('exceptions.title')}>
      <p className="use-why sm soft">{t('exceptions.note')}</p>
      <ProblemNote problem={change.problem} />
      {(['gatewayOrigins', 'gatewayHosts'] as const).map((name) => (
        <ExceptionList
          key={name}
          name={name}
          isBusy={change.busy}
          onChange={(list) => change.run({ [name]: list })}
        />
      ))}
    </Card>
  );
}

function ExceptionList(props: {
  name: Exception;
  isBusy: boolean;
  onChange: (list: readonly string[]) => void;
}) {
  const { t } = useStrings();
  const { name, isBusy, onChange } = props;
  const list = useSection('settings')[name];
  return (
    <section className="use-exceptions" aria-label={t(`exceptions.${name}`)}>
      <h3>{t(`exceptions.${name}`)}</h3>
      {list.length === 0 ? (
        <p className="sm soft">{t(`exceptions.${name}None`)}</p>
      ) : (
        <Rows>
          {list.map((each) => (
            <Row
              key={each}
              title={<code>{each}</code>}
              end={
                <ActionButton
                  isSmall
                  isDisabled={isBusy}
                  label={t('exceptions.removeOf', { name: each })}
                  onPress={() => onChange(list.filter((other) => other !== each))}
                >
                  {t('exceptions.remove')}
                </ActionButton>
              }
            />
          ))}
        </Rows>
      )}
      {list.length < GATEWAY_EXCEPTIONS_MAX ? (
        <AddException name={name} list={list} isBusy={isBusy} onAdd={(each) => onChange([...list, each])} />
      ) : null}
    </section>
  );
}

function AddException(props: {
  name: Exception;
  list: readonly string[];
  isBusy: boolean;
  onAdd: (text: string) => void;
}) {
  const { t } = useStrings();
  const { name, list, isBusy } = props;
  const [typed, setTyped] = useState('');
  const text = NORMALIZED[name](typed);
  const isEmpty = typed.trim() === '';
  const isGood = settingsSchema.shape[name].element.safeParse(text).success;
  const add = () => {
    props.onAdd(text);
    setTyped('');
  };
  return (
    <TextField
      className="field"
      value={typed}
      onChange={setTyped}
      maxLength={200}
      isInvalid={!isEmpty && !isGood}
    >
      <Label className="field-label">{t(`exceptions.${name}Add`)}</Label>
      <div className="field-line">
        <Input className="input" />
        <ActionButton isSmall isDisabled={isBusy || !isGood || list.includes(text)} onPress={add}>
          {t('exceptions.add')}
        </ActionButton>
      </div>
      <FieldError className="field-error">{t(`exceptions.${name}Bad`)}</FieldError>
    </TextField>
  );
}
