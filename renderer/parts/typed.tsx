/** A text that is saved by a button, as wide as its card. */
import { type ReactNode, useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { Text } from 'react-aria-components/Text';
import { TextField } from 'react-aria-components/TextField';
import { ActionButton } from './button.tsx';

export function Typed(props: {
  label: string;
  note?: string;
  act: string;
  type?: 'password' | 'text';
  start?: string;
  lengthMax: number;
  /** Says why a text is refused; null says nothing. */
  bad: string | null;
  isGood: (text: string) => boolean;
  onSave: (text: string) => void;
  /** Next to the button. */
  children?: ReactNode;
}) {
  const { start = '', bad, isGood } = props;
  const [typed, setTyped] = useState(start);
  const text = typed.trim();
  return (
    <TextField
      className="field is-wide pad"
      type={props.type ?? 'text'}
      value={typed}
      onChange={setTyped}
      maxLength={props.lengthMax}
      autoComplete="off"
      spellCheck="false"
      isInvalid={bad !== null && text !== '' && !isGood(text)}
    >
      <Label className="field-label">{props.label}</Label>
      <div className="field-line">
        <Input className="input" />
        <ActionButton
          isSmall
          isDisabled={text === start || !isGood(text)}
          onPress={() => {
            props.onSave(text);
            if (start === '') setTyped('');
          }}
        >
          {props.act}
        </ActionButton>
        {props.children}
      </div>
      {bad === null ? null : <FieldError className="field-error">{bad}</FieldError>}
      {props.note === undefined ? null : (
        <Text slot="description" className="sm soft">
          {props.note}
        </Text>
      )}
    </TextField>
  );
}
