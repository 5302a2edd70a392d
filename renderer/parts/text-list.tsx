/** A list of texts that the owner adds to and removes from, for example addresses. */
import { useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import { ActionButton } from './button.tsx';
import { Row, Rows } from './rows.tsx';
import { useStrings } from './strings.ts';

/** The words of one list. */
export interface TextListWords {
  readonly title: string;
  /** Shown while the list is empty. */
  readonly none: string;
  /** Label of the field for a new entry. */
  readonly field: string;
  readonly add: string;
  /** Says why an entry is refused. */
  readonly bad: string;
}

interface TextListProps {
  words: TextListWords;
  list: readonly string[];
  /** Number of entries that the list may have. */
  max: number;
  /** Longest text that can be typed. */
  lengthMax: number;
  isBusy: boolean;
  /** Returns a typed text as it is stored: people copy more than they need. */
  normalize: (typed: string) => string;
  isGood: (text: string) => boolean;
  onChange: (list: readonly string[]) => void;
}

export function TextList(props: TextListProps) {
  const { t } = useStrings();
  const { words, list, isBusy, onChange } = props;
  return (
    <section className="text-list" aria-label={words.title}>
      <h3>{words.title}</h3>
      {list.length === 0 ? (
        <p className="sm soft">{words.none}</p>
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
                  label={t('common.removeOf', { name: each })}
                  onPress={() => onChange(list.filter((other) => other !== each))}
                >
                  {t('common.remove')}
                </ActionButton>
              }
            />
          ))}
        </Rows>
      )}
      {list.length < props.max ? <Addition {...props} /> : null}
    </section>
  );
}

function Addition({ words, list, lengthMax, isBusy, normalize, isGood, onChange }: TextListProps) {
  const [typed, setTyped] = useState('');
  const text = normalize(typed);
  const isEmpty = typed.trim() === '';
  const add = () => {
    onChange([...list, text]);
    setTyped('');
  };
  return (
    <TextField
      className="field"
      value={typed}
      onChange={setTyped}
      maxLength={lengthMax}
      isInvalid={!isEmpty && !isGood(text)}
    >
      <Label className="field-label">{words.field}</Label>
      <div className="field-line">
        <Input className="input" />
        <ActionButton isSmall isDisabled={isBusy || !isGood(text) || list.includes(text)} onPress={add}>
          {words.add}
        </ActionButton>
      </div>
      <FieldError className="field-error">{words.bad}</FieldError>
    </TextField>
  );
}
