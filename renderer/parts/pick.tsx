/** A setting with a list of values to pick from. */
import { useId } from 'react';

export function Pick<Value extends string>(props: {
  label: string;
  note?: string;
  value: Value;
  options: readonly { readonly value: Value; readonly label: string }[];
  onChange: (value: Value) => void;
}) {
  const id = useId();
  return (
    <div className="row-line">
      <span className="grow">
        <label htmlFor={id}>
          <b>{props.label}</b>
        </label>
        {props.note ? (
          <span className="sm" id={`${id}-note`}>
            {props.note}
          </span>
        ) : null}
      </span>
      <select
        id={id}
        className="select"
        value={props.value}
        aria-describedby={props.note ? `${id}-note` : undefined}
        onChange={(event) => {
          const option = props.options.find(({ value }) => value === event.target.value);
          if (option) props.onChange(option.value);
        }}
      >
        {props.options.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
