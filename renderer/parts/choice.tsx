/** Choice: two to four exclusive ways with consequences, as cards. */
import type { ReactNode } from 'react';
import { Label } from 'react-aria-components/Label';
import { Radio, RadioGroup } from 'react-aria-components/RadioGroup';

export interface ChoiceOption<V extends string> {
  readonly value: V;
  readonly title: string;
  /** One sentence: what it means. */
  readonly text: string;
  readonly tag?: ReactNode;
  readonly isPractice?: boolean;
  readonly isDisabled?: boolean;
}

export function Choice<V extends string>(props: {
  label: string;
  value: V;
  options: readonly ChoiceOption<V>[];
  onChange: (value: V) => void;
  isDisabled?: boolean;
}) {
  return (
    <RadioGroup
      value={props.value}
      isDisabled={props.isDisabled ?? false}
      onChange={(next) => {
        const option = props.options.find((candidate) => candidate.value === next);
        if (option) props.onChange(option.value);
      }}
    >
      <Label className="for-readers">{props.label}</Label>
      <div className="choices">
        {props.options.map((option) => (
          <Radio
            key={option.value}
            value={option.value}
            className={option.isPractice ? 'choice is-practice' : 'choice'}
            isDisabled={option.isDisabled ?? false}
          >
            <span className="choice-dot" aria-hidden="true" />
            <b>{option.title}</b>
            {option.tag ? <span>{option.tag}</span> : null}
            <span className="sm">{option.text}</span>
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
