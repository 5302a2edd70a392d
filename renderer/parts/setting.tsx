/** Form fields of settings. Each change is reported immediately. */
import { type ReactNode, useEffect, useState } from 'react';
import { FieldError, Group, Input, Label, NumberField, Switch, Text, TextField } from 'react-aria-components';
import { readAmount, writeAmountForTyping } from '../format.ts';
import { useStrings } from './strings.ts';

export function Part({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
  return (
    <section className="settings-part">
      <div className="settings-words">
        <h2>{title}</h2>
        {note ? <p className="soft">{note}</p> : null}
      </div>
      <div className="panel settings-fields">{children}</div>
    </section>
  );
}

/** The drawing of a switch. */
export function SwitchTrack({ isOn }: { isOn: boolean }) {
  return (
    <svg className="switch-track" viewBox="0 0 36 20" aria-hidden="true">
      <rect x="1" y="1" width="34" height="18" rx="9" />
      <circle cx={isOn ? 26 : 10} cy="10" r="6" />
    </svg>
  );
}

export function Toggle(props: {
  label: string;
  note?: string;
  isSelected: boolean;
  isDisabled?: boolean;
  onChange: (on: boolean) => void;
}) {
  return (
    <div>
      <Switch
        className="switch"
        isSelected={props.isSelected}
        isDisabled={props.isDisabled ?? false}
        onChange={props.onChange}
      >
        <SwitchTrack isOn={props.isSelected} />
        {props.label}
      </Switch>
      {props.note ? <p className="soft field-note">{props.note}</p> : null}
    </div>
  );
}

/** Field for a whole number. An optional field may be empty: null. */
export function Count<Value extends number | null>(props: {
  label: string;
  note?: string;
  unit: string;
  value: Value;
  minimum: number;
  maximum: number;
  isDisabled?: boolean;
  isOptional?: boolean;
  onCommit: (value: Value) => void;
}) {
  return (
    <NumberField
      className="field"
      value={props.value ?? Number.NaN}
      minValue={props.minimum}
      maxValue={props.maximum}
      isDisabled={props.isDisabled ?? false}
      onChange={(typed) => {
        const value = Number.isNaN(typed) ? null : typed;
        const isGood = value === null ? props.isOptional === true : Number.isInteger(value);
        if (isGood && value !== props.value) props.onCommit(value as Value);
      }}
    >
      <LabeledInput {...props} isShort />
    </NumberField>
  );
}

/**
 * Field for an amount, typed as a decimal number and reported in base units without rounding. An optional field
 * may be empty: null.
 */
export function AmountField<Value extends string | null>(props: {
  label: string;
  note?: string;
  unit: string;
  decimals: number;
  isOptional?: boolean;
  /** Accepted values in base units, both included. */
  limits?: { readonly min: bigint | number; readonly max: bigint | number };
  value: Value;
  onCommit: (baseUnits: Value) => void;
}) {
  const { t, language } = useStrings();
  const written = props.value === null ? '' : writeAmountForTyping(props.value, props.decimals, language);
  const [typed, setTyped] = useState(written);
  useEffect(() => setTyped(written), [written]);
  const isEmpty = typed.trim() === '' && props.isOptional === true;
  const baseUnits = isEmpty ? null : readAmount(typed, props.decimals);
  const write = (value: bigint | number) => writeAmountForTyping(String(value), props.decimals, language);
  const { limits } = props;
  const isOutside =
    baseUnits !== null &&
    limits !== undefined &&
    (BigInt(baseUnits) < limits.min || BigInt(baseUnits) > limits.max);
  const isBad = isOutside || (baseUnits === null && !isEmpty);
  const commit = () => {
    if (!isBad && baseUnits !== props.value) props.onCommit(baseUnits as Value);
  };
  return (
    <TextField
      className="field"
      value={typed}
      onChange={setTyped}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
      }}
      isInvalid={isBad}
      inputMode="decimal"
    >
      <LabeledInput {...props} />
      <FieldError className="field-error">
        {isOutside
          ? t('settings.outOfRange', { min: write(limits.min), max: write(limits.max) })
          : t('settings.badAmount', { count: props.decimals })}
      </FieldError>
    </TextField>
  );
}

/** Label, input with its unit, and a note. */
function LabeledInput(props: { label: string; unit: string; note?: string; isShort?: boolean }) {
  return (
    <>
      <Label className="field-label">{props.label}</Label>
      <Group className="field-line">
        <Input className={props.isShort ? 'input is-short' : 'input'} />
        <span className="field-unit">{props.unit}</span>
      </Group>
      {props.note ? (
        <Text slot="description" className="soft field-note">
          {props.note}
        </Text>
      ) : null}
    </>
  );
}
