/** Form fields of settings. Each change is reported immediately. */
import { type ReactNode, useEffect, useId, useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Group } from 'react-aria-components/Group';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { NumberField } from 'react-aria-components/NumberField';
import { Switch } from 'react-aria-components/Switch';
import { Text } from 'react-aria-components/Text';
import { TextField } from 'react-aria-components/TextField';
import { readAmount, writeAmountForTyping } from '../format.ts';
import { useTakenBack } from './doubts.tsx';
import { useStrings } from './strings.ts';

/** A titled card of settings, one per line; `isTop`: directly below the page's title, without a section. */
export function Part(props: { title: string; note?: string; isTop?: boolean; children: ReactNode }) {
  const { title, note, children } = props;
  const id = useId();
  const Title = props.isTop ? 'h2' : 'h3';
  return (
    <section className="settings-part" aria-labelledby={id}>
      <div className="settings-words">
        <Title id={id}>{title}</Title>
        {note ? <p className="soft sm">{note}</p> : null}
      </div>
      <div className="card rows">{children}</div>
    </section>
  );
}

/** A switch that takes effect immediately. The whole line can be pressed. */
export function Toggle(props: {
  label: string;
  /** Replaces the label for screen readers, where it says too little alone. */
  accessibleLabel?: string;
  /** Says what off means. */
  note?: ReactNode;
  isSelected: boolean;
  /** Before the switch. */
  aside?: ReactNode;
  isDisabled?: boolean;
  onChange: (on: boolean) => void;
}) {
  const id = useId();
  return (
    <Switch
      className="row-line switch-line"
      {...(props.accessibleLabel ? { 'aria-label': props.accessibleLabel } : { 'aria-labelledby': id })}
      {...(props.note ? { 'aria-describedby': `${id}-note` } : {})}
      isSelected={props.isSelected}
      isDisabled={props.isDisabled ?? false}
      onChange={props.onChange}
    >
      <span className="grow">
        <b id={id}>{props.label}</b>
        {props.note ? (
          <span className="sm" id={`${id}-note`}>
            {props.note}
          </span>
        ) : null}
      </span>
      {props.aside ? <span className="sm soft">{props.aside}</span> : null}
      <span className="switch" aria-hidden="true" />
    </Switch>
  );
}

/** A switch with one word, for the head of a page. */
export function HeadSwitch(props: {
  label: string;
  /** Names the switch for screen readers. */
  accessibleLabel: string;
  isSelected: boolean;
  onChange: (on: boolean) => void;
}) {
  return (
    <Switch
      className="head-switch"
      aria-label={props.accessibleLabel}
      isSelected={props.isSelected}
      onChange={props.onChange}
    >
      {props.label}
      <span className="switch" aria-hidden="true" />
    </Switch>
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
  /** Writes no separators of thousands: the number of a port, for example, is a name. */
  isPlain?: boolean;
  onCommit: (value: Value) => void;
}) {
  const takenBack = useTakenBack();
  return (
    <NumberField
      key={takenBack}
      className="row-line field-row"
      value={props.value ?? Number.NaN}
      minValue={props.minimum}
      maxValue={props.maximum}
      isDisabled={props.isDisabled ?? false}
      formatOptions={{ useGrouping: !props.isPlain }}
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
  const takenBack = useTakenBack();
  const written = props.value === null ? '' : writeAmountForTyping(props.value, props.decimals, language);
  const [typed, setTyped] = useState(written);
  // Repeats after a change was taken back
  useEffect(() => setTyped(written), [written, takenBack]);
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
      className="row-line field-row"
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

/** Field for a text that has to have a form; `problemOf` returns why a text is refused, or null. It may be empty. */
export function TextSetting(props: {
  label: string;
  note?: string;
  unit: string;
  value: string;
  problemOf: (text: string) => string | null;
  /** Keyboard of a phone; that for decimal numbers by default. */
  inputMode?: 'decimal' | 'url';
  onCommit: (text: string) => void;
}) {
  const [typed, setTyped] = useState(props.value);
  useEffect(() => setTyped(props.value), [props.value]);
  const text = typed.trim().replace(',', '.');
  const problem = text === '' ? null : props.problemOf(text);
  const commit = () => {
    if (problem === null && text !== props.value) props.onCommit(text);
  };
  return (
    <TextField
      className="row-line field-row"
      value={typed}
      onChange={setTyped}
      onBlur={commit}
      onKeyDown={(event) => {
        if (event.key === 'Enter') commit();
      }}
      isInvalid={problem !== null}
      inputMode={props.inputMode ?? 'decimal'}
    >
      <LabeledInput {...props} />
      <FieldError className="field-error">{problem}</FieldError>
    </TextField>
  );
}

/** Label and note, and the input with its unit at the end of the line. */
function LabeledInput(props: { label: string; unit: string; note?: string; isShort?: boolean }) {
  return (
    <>
      <span className="grow">
        <Label>{props.label}</Label>
        {props.note ? (
          <Text slot="description" className="sm">
            {props.note}
          </Text>
        ) : null}
      </span>
      <Group className="input-line">
        <Input className={props.isShort ? 'input is-short' : 'input'} />
        <span className="input-unit">{props.unit}</span>
      </Group>
    </>
  );
}
