/** Parts shared by the tasks of the window for secrets: a field that hides its input, the error note, the end. */
import type { ReactNode } from 'react';
import { useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextArea } from 'react-aria-components/TextArea';
import { TextField } from 'react-aria-components/TextField';
import { useTranslation } from 'react-i18next';
import { closeWindow, type Failure } from './shell-client.ts';

export function SecretField(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  isMultiline?: boolean;
  isShown?: boolean;
  autoFocus?: boolean;
}) {
  const { t } = useTranslation();
  const [shown, setShown] = useState(props.isShown ?? false);
  return (
    <TextField
      className="field secret-field"
      value={props.value}
      onChange={props.onChange}
      autoComplete="off"
      spellCheck="false"
      autoFocus={props.autoFocus ?? false}
      type={shown ? 'text' : 'password'}
    >
      <Label className="field-label">{props.label}</Label>
      {props.isMultiline ? (
        <TextArea className="input is-wide" rows={4} />
      ) : (
        <span className="field-line">
          <Input className="input is-secret" />
          {props.isShown ? null : (
            <Button
              className="btn is-small"
              aria-label={`${t(shown ? 'common.hide' : 'common.show')}: ${props.label}`}
              onPress={() => setShown(!shown)}
            >
              {t(shown ? 'common.hide' : 'common.show')}
            </Button>
          )}
        </span>
      )}
    </TextField>
  );
}

export function FailureNote({ failure }: { failure: Failure | null }) {
  const { t } = useTranslation();
  if (!failure) return null;
  return (
    <div className="note is-error" role="alert">
      <p className="note-title">{t('secret.failed')}</p>
      <p>{failure.message}</p>
      <p>{t('secret.failedMoney')}</p>
    </div>
  );
}

export function Finished({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <>
      <div className="note is-info" role="status">
        <p className="note-title">{title}</p>
        {children}
      </div>
      <p className="button-row">
        <Button className="btn is-primary" onPress={closeWindow} autoFocus>
          {t('common.close')}
        </Button>
      </p>
    </>
  );
}
