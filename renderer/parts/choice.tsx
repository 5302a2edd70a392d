/** Radio group with its options side by side, for mouse and arrow keys. */
import { Label, Radio, RadioGroup } from 'react-aria-components';

export function Choice<V extends string>(props: {
  label: string;
  /** Shows the label above the options; otherwise it is for screen readers only. */
  labelShown?: boolean;
  value: V;
  options: readonly { value: V; label: string }[];
  onChange: (value: V) => void;
  isDisabled?: boolean;
}) {
  return (
    <RadioGroup
      className="choice"
      orientation="horizontal"
      value={props.value}
      isDisabled={props.isDisabled ?? false}
      onChange={(next) => {
        const option = props.options.find((candidate) => candidate.value === next);
        if (option) props.onChange(option.value);
      }}
    >
      <Label className={props.labelShown ? 'field-label' : 'for-readers'}>{props.label}</Label>
      <div className="choice-options">
        {props.options.map((option) => (
          <Radio key={option.value} value={option.value} className="choice-option">
            {option.label}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
