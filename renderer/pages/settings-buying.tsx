/** Settings page: limits for buying inference, with maximum prices by model, and who may be asked to compare answers. */
import { useState } from 'react';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { TextField } from 'react-aria-components/TextField';
import { OPINION_SOURCES } from '../../shared/answer-check.ts';
import { MODEL_PRICES_MAX, type ModelPrice } from '../../shared/buying-limits.ts';
import type { Settings } from '../../shared/settings.ts';
import { useUnitName } from '../parts/amount.tsx';
import { ActionButton } from '../parts/button.tsx';
import type { Change } from '../parts/doubts.tsx';
import { Segments } from '../parts/segments.tsx';
import { AmountField, Part } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

interface BuyingProps {
  readonly settings: Settings;
  readonly change: Change;
}

export function BuyingPart({ settings, change }: BuyingProps) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const unit = useUnitName()(asset);
  const perMillion = t('settings.perMillion', { unit });
  return (
    <Part title={t('buying.title')} note={t('buying.note')}>
      {(['buyDayMax', 'buyRequestMax', 'buyNewProviderMax'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(`buying.${name}`)}
          {...(name === 'buyNewProviderMax' ? { note: t('buying.newProviderNote') } : {})}
          unit={unit}
          decimals={asset.decimals}
          value={settings[name]}
          onCommit={(units) => change({ [name]: units })}
        />
      ))}
      {(['buyPriceInputMax', 'buyPriceOutputMax'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(`buying.${name}`)}
          {...(name === 'buyPriceOutputMax' ? { note: t('buying.priceNote') } : {})}
          unit={perMillion}
          decimals={asset.decimals}
          isOptional
          value={settings[name]}
          onCommit={(units) => change({ [name]: units })}
        />
      ))}
      {(['relayPriceMax', 'relayDayMax'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(`buying.${name}`)}
          {...(name === 'relayPriceMax' ? { note: t('buying.relayNote') } : {})}
          unit={name === 'relayPriceMax' ? t('settings.perMegabyte', { unit }) : unit}
          decimals={asset.decimals}
          value={settings[name]}
          onCommit={(units) => change({ [name]: units })}
        />
      ))}
      <div className="settings-seg">
        <Segments
          label={t('buying.opinionsFrom')}
          labelShown
          value={settings.opinionsFrom}
          onChange={(opinionsFrom) => change({ opinionsFrom })}
          options={OPINION_SOURCES.map((value) => ({ value, label: t(`buying.opinionsFromOf.${value}`) }))}
        />
      </div>
      <p className="settings-note sm soft">{t(`buying.opinionsFromMeaning.${settings.opinionsFrom}`)}</p>
    </Part>
  );
}

/** Maximum prices of single models. */
export function ModelPricesPart({ settings, change }: BuyingProps) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const unit = t('settings.perMillion', { unit: useUnitName()(asset) });
  const prices = settings.buyModelPrices;
  const save = (model: string, patch: Partial<ModelPrice>) =>
    change({ buyModelPrices: prices.map((each) => (each.model === model ? { ...each, ...patch } : each)) });
  return (
    <Part title={t('buying.models')}>
      <div className="settings-group">
        {prices.map((each) => (
          <fieldset key={each.model} className="settings-fields rows">
            <legend className="identifier">{each.model}</legend>
            {(['inputPerMillion', 'outputPerMillion'] as const).map((name) => (
              <AmountField
                key={name}
                label={t(name === 'inputPerMillion' ? 'settings.priceInput' : 'settings.priceOutput')}
                unit={unit}
                decimals={asset.decimals}
                value={each[name]}
                onCommit={(units) => save(each.model, { [name]: units })}
              />
            ))}
            <ActionButton
              isSmall
              label={t('buying.removeModel', { model: each.model })}
              onPress={() => change({ buyModelPrices: prices.filter(({ model }) => model !== each.model) })}
            >
              {t('buying.remove')}
            </ActionButton>
          </fieldset>
        ))}
        {prices.length < MODEL_PRICES_MAX ? <AddModel settings={settings} change={change} /> : null}
      </div>
    </Part>
  );
}

/** Adds a model with this machine's own prices, which are then edited in place. */
function AddModel({ settings, change }: BuyingProps) {
  const { t } = useStrings();
  const [typed, setTyped] = useState('');
  const model = typed.trim();
  const isKnown = settings.buyModelPrices.some((each) => each.model === model);
  const add = () => {
    const { priceInputPerMillion, priceOutputPerMillion } = settings;
    const prices = { inputPerMillion: priceInputPerMillion, outputPerMillion: priceOutputPerMillion };
    change({ buyModelPrices: [...settings.buyModelPrices, { model, ...prices }] });
    setTyped('');
  };
  return (
    <TextField className="field" value={typed} onChange={setTyped} maxLength={200}>
      <Label className="field-label">{t('use.model')}</Label>
      <div className="field-line">
        <Input className="input" />
        <ActionButton isSmall isDisabled={model === '' || isKnown} onPress={add}>
          {t('buying.addModel')}
        </ActionButton>
      </div>
    </TextField>
  );
}
