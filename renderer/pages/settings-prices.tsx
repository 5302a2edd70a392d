/** Settings page: prices of this machine's answers, by the owner or by the market within bounds. */
import { SETTING_LIMITS, type Settings } from '../../shared/settings.ts';
import { Amount, useUnitName } from '../parts/amount.tsx';
import type { Change } from '../parts/doubts.tsx';
import { Row } from '../parts/rows.tsx';
import { Segments } from '../parts/segments.tsx';
import { AmountField, Count, Part } from '../parts/setting.tsx';
import { useModelName, useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

interface PricesProps {
  readonly settings: Settings;
  readonly change: Change;
}

const POLICIES = ['fixed', 'market'] as const;

export function PricesPart({ settings, change }: PricesProps) {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const unit = t('settings.perMillion', { unit: useUnitName()(asset) });
  const { pricePolicy } = settings;
  return (
    <Part title={t('settings.prices')} note={t('settings.pricesNote')}>
      <div className="settings-seg">
        <Segments
          label={t('selling.policy')}
          labelShown
          value={pricePolicy}
          onChange={(value) => change({ pricePolicy: value })}
          options={POLICIES.map((value) => ({ value, label: t(`selling.policyOf.${value}`) }))}
        />
      </div>
      <p className="settings-note sm soft">{t(`selling.policyMeaning.${pricePolicy}`)}</p>
      {(['priceInputPerMillion', 'priceOutputPerMillion'] as const).map((name) => (
        <AmountField
          key={name}
          label={t(name === 'priceInputPerMillion' ? 'settings.priceInput' : 'settings.priceOutput')}
          unit={unit}
          decimals={asset.decimals}
          limits={SETTING_LIMITS.pricePerMillion}
          value={settings[name]}
          onCommit={(units) => change({ [name]: units })}
        />
      ))}
      {pricePolicy === 'market' ? <Bounds settings={settings} change={change} /> : null}
      <Count
        label={t('selling.batchDiscount')}
        note={t('selling.batchDiscountNote')}
        unit="%"
        value={settings.batchDiscountPercent}
        minimum={0}
        maximum={90}
        onCommit={(batchDiscountPercent) => change({ batchDiscountPercent })}
      />
      <Quotes />
    </Part>
  );
}

/** The bounds within which prices follow the market, in percent of the owner's prices. */
function Bounds({ settings, change }: PricesProps) {
  const { t } = useStrings();
  const unit = t('selling.percentOfOwn');
  return (
    <>
      <Count
        label={t('selling.lowest')}
        unit={unit}
        value={settings.priceLowestPercent}
        minimum={1}
        maximum={100}
        onCommit={(priceLowestPercent) => change({ priceLowestPercent })}
      />
      <Count
        label={t('selling.highest')}
        unit={unit}
        value={settings.priceHighestPercent}
        minimum={100}
        maximum={1_000}
        onCommit={(priceHighestPercent) => change({ priceHighestPercent })}
      />
    </>
  );
}

/** The prices now, each with the reason. */
function Quotes() {
  const { t } = useStrings();
  const { asset } = useSection('money');
  const { quotes } = useSection('models');
  const modelName = useModelName();
  if (quotes.length === 0) return null;
  return (
    <>
      <p className="settings-note sm soft">{t('selling.now')}</p>
      <ul className="rows" aria-label={t('selling.now')}>
        {quotes.map(({ model, price, batchPrice, reason }) => (
          <Row
            key={model}
            title={<b>{modelName(model)}</b>}
            note={t(`selling.reason.${reason}`)}
            end={
              <span>
                <Amount baseUnits={price.inputPerMillion} asset={asset} />
                {' · '}
                <Amount baseUnits={price.outputPerMillion} asset={asset} />
              </span>
            }
            {...(batchPrice === null
              ? {}
              : {
                  exact: (
                    <>
                      {t('selling.batches')} <Amount baseUnits={batchPrice.inputPerMillion} asset={asset} />
                      {' · '}
                      <Amount baseUnits={batchPrice.outputPerMillion} asset={asset} />
                    </>
                  ),
                })}
          />
        ))}
      </ul>
    </>
  );
}
