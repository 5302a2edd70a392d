/** Segments: two to five views of the same thing, or values of one setting, side by side; for mouse and arrow keys. */
import { Label } from 'react-aria-components/Label';
import { Radio, RadioGroup } from 'react-aria-components/RadioGroup';

export function Segments<V extends string>(props: {
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
      className="segments"
      orientation="horizontal"
      value={props.value}
      isDisabled={props.isDisabled ?? false}
      onChange={(next) => {
        const option = props.options.find((candidate) => candidate.value === next);
        if (option) props.onChange(option.value);
      }}
    >
      <Label className={props.labelShown ? 'field-label' : 'for-readers'}>{props.label}</Label>
      <div className="seg">
        {props.options.map((option) => (
          <Radio key={option.value} value={option.value}>
            {option.label}
          </Radio>
        ))}
      </div>
    </RadioGroup>
  );
}
