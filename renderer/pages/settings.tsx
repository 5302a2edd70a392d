/** Settings page. Each change is saved immediately and confirmed at the head of the page. */
import { handBackKeyName } from '../../shared/hot-key.ts';
import { JOB_HISTORY_DAYS, SETTING_LIMITS, type Settings as SettingsState } from '../../shared/settings.ts';
import { LANGUAGE_CHOICES, LANGUAGE_NAMES } from '../../shared/strings/languages.ts';
import { GIGABYTE } from '../format.ts';
import { useUnitName } from '../parts/amount.tsx';
import { Columns } from '../parts/card.tsx';
import { type Change, SettingsForm } from '../parts/doubts.tsx';
import { PageHead } from '../parts/page-head.tsx';
import { Pick } from '../parts/pick.tsx';
import { ProblemNote } from '../parts/problem.tsx';
import { Row, Rows } from '../parts/rows.tsx';
import { RuledNote, useIsRuled } from '../parts/ruled-note.tsx';
import { Saved } from '../parts/saved.tsx';
import { Segments } from '../parts/segments.tsx';
import { AmountField, Count, Part, Toggle } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { hrefTo } from '../route.ts';
import { SearchButton } from '../search.tsx';
import { useSection } from '../store.ts';
import { AboutParts } from './settings-about.tsx';
import { BatchesPart } from './settings-batches.tsx';
import { BuyingPart, ModelPricesPart } from './settings-buying.tsx';
import { AutostartToggle } from './settings-desktop.tsx';
import { MaintenancePart } from './settings-maintenance.tsx';
import { MoneyPart } from './settings-money.tsx';
import { NetworkPart } from './settings-network.tsx';
import { PairingPart } from './settings-pairing.tsx';
import { PricesPart } from './settings-prices.tsx';
import { RuleParts } from './settings-rules.tsx';
import { Section, SectionLinks } from './settings-sections.tsx';
import { UpdatesPart } from './settings-updates.tsx';

/** Decimals of a US dollar in millionths. */
const USD_DECIMALS = 6;

interface PartProps {
  readonly settings: SettingsState;
  readonly change: Change;
}

export function Settings({ item }: { item: string | null }) {
  const { t } = useStrings();
  return (
    <SettingsForm>
      {(change, saving) => (
        <>
          <PageHead title={t('nav.settings')} lead={t('settings.lead')}>
            <Saved change={saving} />
            <SearchButton isLabeled />
          </PageHead>
          <SectionLinks item={item} />
          <ProblemNote problem={saving.problem} />
          <Parts change={change} />
        </>
      )}
    </SettingsForm>
  );
}

function Parts({ change }: { change: Change }) {
  const { t } = useStrings();
  const props: PartProps = { settings: useSection('settings'), change };
  return (
    <>
      <Section name="general">
        <NetworkPart />
        <Columns>
          <div className="stack">
            <AppPart {...props} />
            <MoneyPart {...props} />
          </div>
          <DesktopPart {...props} />
        </Columns>
      </Section>
      <Section name="running">
        <RuledNote groups={['running']} />
        <Columns>
          <WhenPart {...props} />
          <RuleParts {...props} />
        </Columns>
      </Section>
      <Section name="selling">
        <RuledNote groups={['models']} />
        <Columns>
          <PricesPart {...props} />
          <div className="stack">
            <Rows label={t('nav.sources')}>
              <Row
                icon="sources"
                title={t('nav.sources')}
                note={t('more.sources')}
                href={hrefTo('sources')}
              />
            </Rows>
            <PayoutsPart {...props} />
            <ModelsPart {...props} />
          </div>
        </Columns>
      </Section>
      <Section name="buying">
        <Columns>
          <BuyingPart {...props} />
          <BatchesPart {...props} />
        </Columns>
        <ModelPricesPart {...props} />
      </Section>
      <Section name="data">
        <Columns>
          <MaintenancePart />
          <div className="stack">
            <HistoryPart {...props} />
            <Part title={t('settings.privacy')}>
              <p className="settings-note">{t('settings.privacyText')}</p>
            </Part>
            <PairingPart />
          </div>
        </Columns>
      </Section>
      <Section name="about">
        <UpdatesPart {...props} />
        <AboutParts />
      </Section>
    </>
  );
}

function WhenPart({ settings, change }: PartProps) {
  const { t } = useStrings();
  const { profile } = useSection('app');
  const isRuled = useIsRuled();
  return (
    <Part title={t('settings.when')}>
      <div className="settings-seg">
        <Segments
          label={t('settings.runWhen')}
          labelShown
          value={settings.runWhen}
          isDisabled={isRuled('runWhen')}
          onChange={(runWhen) => change({ runWhen })}
          options={(['idle', 'always'] as const).map((value) => ({
            value,
            label: t(`settings.run.${value}`),
          }))}
        />
      </div>
      <p className="settings-note sm soft">{t(`settings.runMeaning.${settings.runWhen}`)}</p>
      <Count
        label={t('settings.idleMinutes')}
        unit={t('settings.minutes')}
        value={settings.idleMinutes}
        minimum={1}
        maximum={240}
        isDisabled={settings.runWhen === 'always' || isRuled('idleMinutes')}
        onCommit={(idleMinutes) => change({ idleMinutes })}
      />
      <Toggle
        label={t('settings.battery')}
        note={t('settings.batteryNote')}
        isSelected={settings.runOnBattery}
        isDisabled={isRuled('runOnBattery')}
        onChange={(runOnBattery) => change({ runOnBattery })}
      />
      <Toggle
        label={t('settings.metered')}
        isSelected={settings.runOnMetered}
        isDisabled={isRuled('runOnMetered')}
        onChange={(runOnMetered) => change({ runOnMetered })}
      />
      {profile === 'open' ? (
        <Toggle
          label={t('settings.serveUnconfined')}
          note={t('settings.serveUnconfinedNote')}
          isSelected={settings.serveUnconfined}
          onChange={(serveUnconfined) => change({ serveUnconfined })}
        />
      ) : null}
      <Toggle
        label={t('settings.locked')}
        isSelected={settings.onlyWhenLocked}
        isDisabled={settings.runWhen === 'always' || isRuled('onlyWhenLocked')}
        onChange={(onlyWhenLocked) => change({ onlyWhenLocked })}
      />
    </Part>
  );
}

function PayoutsPart({ settings, change }: PartProps) {
  const { t } = useStrings();
  const { asset, coin } = useSection('money');
  const unitName = useUnitName();
  return (
    <Part title={t('settings.payouts')}>
      <AmountField
        label={t('settings.threshold')}
        note={t('settings.thresholdNote')}
        unit={unitName(asset)}
        decimals={asset.decimals}
        limits={SETTING_LIMITS.settleThreshold}
        value={settings.settleThreshold}
        onCommit={(settleThreshold) => change({ settleThreshold })}
      />
      <AmountField
        label={t('settings.feeMax')}
        note={t('settings.feeMaxNote')}
        unit={unitName(coin)}
        decimals={coin.decimals}
        limits={SETTING_LIMITS.networkFeeMax}
        value={settings.networkFeeMax}
        onCommit={(networkFeeMax) => change({ networkFeeMax })}
      />
      <AmountField
        label={t('settings.coinPrice', { coin: coin.symbol })}
        note={t('settings.coinPriceNote')}
        unit={t('settings.dollars')}
        decimals={USD_DECIMALS}
        limits={SETTING_LIMITS.coinPriceMicroUsd}
        isOptional
        value={settings.coinPriceMicroUsd === null ? null : String(settings.coinPriceMicroUsd)}
        onCommit={(price) => change({ coinPriceMicroUsd: price === null ? null : Number(price) })}
      />
    </Part>
  );
}

function ModelsPart({ settings, change }: PartProps) {
  const { t } = useStrings();
  const isRuled = useIsRuled();
  return (
    <Part title={t('nav.models')}>
      <Count
        label={t('settings.budget')}
        note={t('settings.budgetNote')}
        unit="GB"
        value={Math.round(settings.modelBudgetBytes / GIGABYTE)}
        minimum={1}
        maximum={100_000}
        isDisabled={isRuled('modelBudgetBytes')}
        onCommit={(gigabytes) => change({ modelBudgetBytes: gigabytes * GIGABYTE })}
      />
    </Part>
  );
}

function HistoryPart({ settings, change }: PartProps) {
  const { t } = useStrings();
  return (
    <Part title={t('settings.history')}>
      <div className="settings-seg">
        <Segments
          label={t('settings.historyDays')}
          labelShown
          value={String(settings.jobHistoryDays)}
          onChange={(chosen) =>
            change({ jobHistoryDays: JOB_HISTORY_DAYS.find((days) => String(days) === chosen) ?? null })
          }
          options={[...JOB_HISTORY_DAYS, null].map((days) => ({
            value: String(days),
            label: days === null ? t('settings.historyForever') : t('settings.historyDay', { count: days }),
          }))}
        />
      </div>
      <p className="settings-note">{t('settings.historyNote')}</p>
    </Part>
  );
}

function AppPart({ settings, change }: PartProps) {
  const { t } = useStrings();
  return (
    <Part title={t('settings.app')}>
      <Pick
        label={t('settings.language')}
        value={settings.language}
        onChange={(language) => change({ language })}
        options={LANGUAGE_CHOICES.map((value) => ({
          value,
          label: value === 'system' ? t('settings.languageSystem') : LANGUAGE_NAMES[value],
        }))}
      />
      <div className="settings-seg">
        <Segments
          label={t('settings.appearance')}
          labelShown
          value={settings.appearance}
          onChange={(appearance) => change({ appearance })}
          options={(['system', 'light', 'dark'] as const).map((value) => ({
            value,
            label: t(`settings.appearanceOf.${value}`),
          }))}
        />
      </div>
    </Part>
  );
}

/** Start at login, the pause key and notifications, which need the desktop app. */
function DesktopPart({ settings, change }: PartProps) {
  const { t } = useStrings();
  const app = useSection('app');
  const headless = app.host === 'headless';
  return (
    <Part title={t('settings.desktop')} {...(headless ? { note: t('settings.headlessNote') } : {})}>
      <AutostartToggle
        isSelected={settings.startWithSystem}
        onChange={(startWithSystem) => change({ startWithSystem })}
      />
      <Toggle
        label={t('settings.handBackKey', { key: handBackKeyName(app.platform) })}
        note={t('settings.handBackKeyNote')}
        isSelected={settings.handBackKey}
        isDisabled={headless}
        onChange={(handBackKey) => change({ handBackKey })}
      />
      <Toggle
        label={t('settings.notifications')}
        note={t('settings.notificationsNote')}
        isSelected={settings.notifications}
        isDisabled={headless}
        onChange={(notifications) => change({ notifications })}
      />
    </Part>
  );
}
