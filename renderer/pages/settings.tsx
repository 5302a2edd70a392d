/** Settings: each change is kept at once, and says so where it was made. */
import { handBackKeyName } from '../../shared/hot-key.ts';
import type { SettingsPatch } from '../../shared/settings.ts';
import { type Action, useAction } from '../calls.ts';
import { GIGABYTE } from '../format.ts';
import { Choice } from '../parts/choice.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { AmountField, Count, Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { agent, useSection } from '../store.ts';
import { RuleParts } from './settings-rules.tsx';

export function Settings() {
  const { t } = useStrings();
  const settings = useSection('settings');
  const money = useSection('money');
  const app = useSection('app');
  const change = useAction((patch: SettingsPatch) => agent.settings.change(patch));
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
        <Toggle
          label={t('settings.metered')}
          isSelected={settings.runOnMetered}
          onChange={(runOnMetered) => change.run({ runOnMetered })}
        />
        <Toggle
          label={t('settings.locked')}
          isSelected={settings.onlyWhenLocked}
          isDisabled={settings.runWhen === 'always'}
          onChange={(onlyWhenLocked) => change.run({ onlyWhenLocked })}
        />
      </Part>
      <RuleParts settings={settings} change={change.run} />
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

function Saved({ change }: { change: Action<SettingsPatch, unknown> }) {
  const { t } = useStrings();
  return (
    <p className="soft" role="status">
      {change.busy ? t('settings.saving') : change.result ? t('settings.saved') : ''}
    </p>
  );
}
