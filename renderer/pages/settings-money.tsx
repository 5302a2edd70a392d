/** Settings page: the owner's currency and the source of its rate. Nothing is queried before a source is chosen. */
import { CURRENCIES, type Currency, isTokenRatePlausible, rateTextSchema } from '../../shared/rates.ts';
import type { Settings } from '../../shared/settings.ts';
import { useRateText } from '../parts/amount.tsx';
import type { Change } from '../parts/doubts.tsx';
import { Note } from '../parts/note.tsx';
import { Pick } from '../parts/pick.tsx';
import { Part, TextSetting } from '../parts/setting.tsx';
import { useStrings } from '../parts/strings.ts';
import { useSection } from '../store.ts';

const SOURCES = ['off', 'typed', 'ecb', 'coinbase'] as const;

export function MoneyPart({ settings, change }: { settings: Settings; change: Change }) {
  const { t, language } = useStrings();
  const { asset, rateProblem } = useSection('money');
  const rateText = useRateText();
  const { rateSource, currency, typedRate } = settings;
  const names = new Intl.DisplayNames(language, { type: 'currency' });
  return (
    <Part title={t('rates.title')} note={t('rates.note')}>
      <Pick
        label={t('rates.sourceLabel')}
        note={t(`rates.meaning.${rateSource}`)}
        value={rateSource}
        onChange={(value) => change({ rateSource: value })}
        options={SOURCES.map((value) => ({ value, label: t(`rates.choice.${value}`) }))}
      />
      <Pick<Currency>
        label={t('rates.currency')}
        {...(rateText === null || asset.practice ? {} : { note: rateText })}
        value={currency}
        onChange={(value) => change({ currency: value })}
        options={CURRENCIES.map((value) => ({ value, label: `${value} · ${names.of(value) ?? value}` }))}
      />
      {rateSource === 'typed' ? (
        <TextSetting
          label={t('rates.typed', { symbol: asset.symbol })}
          unit={currency}
          value={typedRate ?? ''}
          problemOf={(text) =>
            rateTextSchema.safeParse(text).success && isTokenRatePlausible(Number(text), currency)
              ? null
              : t('rates.implausible', { currency })
          }
          onCommit={(text) => change({ typedRate: text === '' ? null : text })}
        />
      ) : null}
      {rateProblem === null || rateSource === 'off' ? null : (
        <div className="settings-note">
          <Note tone="warning">{rateProblem}</Note>
        </div>
      )}
      {asset.practice ? <p className="settings-note sm soft">{t('rates.practice')}</p> : null}
    </Part>
  );
}
