/** Settings: each change is kept at once, and says so where it was made. */
import { type ReactNode, useEffect, useState } from 'react';
import { FieldError, Group, Input, Label, NumberField, Switch, Text, TextField } from 'react-aria-components';
import { handBackKeyName } from '../../shared/hot-key.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { type Deed, useDeed } from '../calls.ts';
import { readAmount, writeAmountForTyping } from '../format.ts';
import { Choice } from '../parts/choice.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { useWords } from '../parts/words.ts';
import { agent, useSection } from '../store.ts';

const GIGABYTE = 1_000_000_000;

export function Settings() {
  const { t } = useWords();
  const settings = useSection('settings');
  const money = useSection('money');
  const app = useSection('app');
  const change = useDeed((patch: SettingsPatch) => agent.settings.change(patch));
  const unit = money.asset.practice
    ? t('money.practiceUnit', { symbol: money.asset.symbol })
    : money.asset.symbol;
  const headless = app.host === 'headless';
  return (
    <>
      <PageHead title={t('nav.settings')} lead={t('settings.lead')}>
        <Saved change={change} />
      </PageHead>
      <ProblemNote problem={change.problem} />
      <Part title={t('settings.when')}>
        <Choice
          label={t('settings.runWhen')}
          labelShown
          value={settings.runWhen}
          onChange={(runWhen) => change.run({ runWhen })}
          options={(['idle', 'always'] as const).map((value) => ({
            value,
            label: t(`settings.run.${value}`),
          }))}
        />
        <p className="soft">{t(`settings.runMeaning.${settings.runWhen}`)}</p>
        <Count
          label={t('settings.idleMinutes')}
          unit={t('settings.minutes')}
          value={settings.idleMinutes}
          minimum={1}
          maximum={240}
          isDisabled={settings.runWhen === 'always'}
          onCommit={(idleMinutes) => change.run({ idleMinutes })}
        />
        <Toggle
          label={t('settings.battery')}
          note={t('settings.batteryNote')}
          isSelected={settings.runOnBattery}
          onChange={(runOnBattery) => change.run({ runOnBattery })}
        />
      </Part>
      <Part title={t('settings.prices')} note={t('settings.pricesNote')}>
        <AmountField
          label={t('settings.priceInput')}
          unit={t('settings.perMillion', { unit })}
          decimals={money.asset.decimals}
          value={settings.priceInputPerMillion}
          onCommit={(priceInputPerMillion) => change.run({ priceInputPerMillion })}
        />
        <AmountField
          label={t('settings.priceOutput')}
          unit={t('settings.perMillion', { unit })}
          decimals={money.asset.decimals}
          value={settings.priceOutputPerMillion}
          onCommit={(priceOutputPerMillion) => change.run({ priceOutputPerMillion })}
        />
        <AmountField
          label={t('settings.threshold')}
          note={t('settings.thresholdNote')}
          unit={unit}
          decimals={money.asset.decimals}
          value={settings.settleThreshold}
          onCommit={(settleThreshold) => change.run({ settleThreshold })}
        />
      </Part>
      <Part title={t('nav.models')}>
        <Count
          label={t('settings.budget')}
          unit="GB"
          value={Math.round(settings.modelBudgetBytes / GIGABYTE)}
          minimum={0}
          maximum={100_000}
          onCommit={(gigabytes) => change.run({ modelBudgetBytes: gigabytes * GIGABYTE })}
        />
      </Part>
      <Part title={t('settings.app')} {...(headless ? { note: t('settings.headlessNote') } : {})}>
        <Choice
          label={t('settings.language')}
          labelShown
          value={settings.language}
          onChange={(language) => change.run({ language })}
          options={[
            { value: 'system', label: t('settings.languageSystem') },
            { value: 'en', label: 'English' },
            { value: 'de', label: 'Deutsch' },
          ]}
        />
        <Toggle
          label={t('settings.start')}
          isSelected={settings.startWithSystem}
          isDisabled={headless}
          onChange={(startWithSystem) => change.run({ startWithSystem })}
        />
        <Toggle
          label={t('settings.handBackKey', { key: handBackKeyName(app.platform) })}
          note={t('settings.handBackKeyNote')}
          isSelected={settings.handBackKey}
          isDisabled={headless}
          onChange={(handBackKey) => change.run({ handBackKey })}
        />
        <Toggle
          label={t('settings.notifications')}
          note={t('settings.notificationsNote')}
          isSelected={settings.notifications}
          isDisabled={headless}
          onChange={(notifications) => change.run({ notifications })}
        />
      </Part>
      <Part title={t('settings.privacy')}>
        <p>{t('settings.privacyText')}</p>
      </Part>
    </>
  );
}

function Saved({ change }: { change: Deed<SettingsPatch, unknown> }) {
  const { t } = useWords();
  return (
    <p className="soft" role="status">
      {change.busy ? t('settings.saving') : change.result ? t('settings.saved') : ''}
    </p>
  );
}

function Part({ title, note, children }: { title: string; note?: string; children: ReactNode }) {
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

function Toggle(props: {
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
        <svg className="switch-track" viewBox="0 0 36 20" aria-hidden="true">
          <rect x="1" y="1" width="34" height="18" rx="9" />
          <circle cx={props.isSelected ? 26 : 10} cy="10" r="6" />
        </svg>
        {props.label}
      </Switch>
      {props.note ? <p className="soft field-note">{props.note}</p> : null}
    </div>
  );
}

function Count(props: {
  label: string;
  unit: string;
  value: number;
  minimum: number;
  maximum: number;
  isDisabled?: boolean;
  onCommit: (value: number) => void;
}) {
  return (
    <NumberField
      className="field"
      value={props.value}
      minValue={props.minimum}
      maxValue={props.maximum}
      isDisabled={props.isDisabled ?? false}
      onChange={(value) => {
        if (Number.isInteger(value) && value !== props.value) props.onCommit(value);
      }}
    >
      <Label className="field-label">{props.label}</Label>
      <Group className="field-line">
        <Input className="input is-short" />
        <span className="field-unit">{props.unit}</span>
      </Group>
    </NumberField>
  );
}

/** An amount typed as a decimal number and kept in base units; nothing is rounded away. */
function AmountField(props: {
  label: string;
  note?: string;
  unit: string;
  decimals: number;
  value: string;
  onCommit: (baseUnits: string) => void;
}) {
  const { t, language } = useWords();
  const written = writeAmountForTyping(props.value, props.decimals, language);
  const [typed, setTyped] = useState(written);
  useEffect(() => setTyped(written), [written]);
  const baseUnits = readAmount(typed, props.decimals);
  const commit = () => {
    if (baseUnits !== null && baseUnits !== props.value) props.onCommit(baseUnits);
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
      isInvalid={baseUnits === null}
      inputMode="decimal"
    >
      <Label className="field-label">{props.label}</Label>
      <Group className="field-line">
        <Input className="input" />
        <span className="field-unit">{props.unit}</span>
      </Group>
      {props.note ? (
        <Text slot="description" className="soft field-note">
          {props.note}
        </Text>
      ) : null}
      <FieldError className="field-error">{t('settings.badAmount', { count: props.decimals })}</FieldError>
    </TextField>
  );
}
