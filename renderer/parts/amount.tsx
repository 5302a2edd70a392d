/** Shows money: in the owner's currency where a rate is known, and practice money as a ticket, by word and shape. */

import { type Asset, NO_MONEY_ID } from '../../shared/money.ts';
import { isDollar } from '../../shared/rate.ts';
import { writeAmount, writeMoment, writeMoney } from '../format.ts';
import { numberFormat } from '../formatters.ts';
import { useSection } from '../store.ts';
import { Fact, Unknown } from './fact.tsx';
import { useStrings } from './strings.ts';
import { PracticeTag } from './tag.tsx';

interface AmountProps {
  /** Null if unknown. */
  readonly baseUnits: string | null;
  readonly asset: Asset;
  /** Time and source of the number, for its tooltip. */
  readonly about?: string;
  /** No tooltip, for amounts inside something that is itself pressed. */
  readonly isPlain?: boolean;
  /** Shows every digit of the asset instead, for amounts that the user is about to confirm. */
  readonly isExact?: boolean;
  /** `hero`: the one number of a page, with the word. */
  readonly size?: 'hero' | 'mid';
}

export function Amount(props: AmountProps) {
  const { baseUnits, asset, about, isPlain = false, isExact = false, size } = props;
  const { t } = useStrings();
  const moneyText = useMoneyText();
  const exactText = useAmountText();
  const rateText = useRateText();
  if (baseUnits === null) return <Unknown about={about ?? null} />;
  const text = isExact ? exactText(baseUnits, asset) : moneyText(baseUnits, asset);
  const exact = exactText(baseUnits, asset);
  const className = ['money', size ? `${size}-num` : '', asset.practice ? 'is-practice' : '']
    .filter(Boolean)
    .join(' ');
  const written = (
    <span className={className}>
      {asset.practice && size !== 'hero' ? <Ticket /> : null}
      <span className="amount">{text}</span>
      {asset.practice && size === 'hero' ? <PracticeTag>{t('money.practice')}</PracticeTag> : null}
      {asset.practice && size !== 'hero' && !isExact ? (
        <span className="for-readers"> {t('money.practice')}</span>
      ) : null}
    </span>
  );
  if (isPlain) return written;
  const facts = [exact === text ? null : exact, isDollar(asset) ? rateText : null, about];
  return <Fact about={facts.filter(Boolean).join(' · ') || null}>{written}</Fact>;
}

/** Every digit of an amount with its asset, as the small line below an {@link Amount}. */
export function ExactAmount({ baseUnits, asset }: { baseUnits: string | null; asset: Asset }) {
  const exactText = useAmountText();
  if (baseUnits === null || isFree(asset)) return null;
  return <span className="exact">{exactText(baseUnits, asset)}</span>;
}

/** Sign of practice money. */
export function Ticket() {
  return (
    <svg className="ticket" viewBox="0 0 18 14" aria-hidden="true" focusable="false">
      <path d="M1 2.5h16v3a1.6 1.6 0 0 0 0 3.2v3H1v-3a1.6 1.6 0 0 0 0-3.2zM6 4.5v1M6 6.7v1M6 8.9v1" />
    </svg>
  );
}

/** An amount of an asset that is given by its ID, as in ledger lines. */
export function AmountById({
  baseUnits,
  assetId,
  isPlain = false,
  isExact = false,
}: {
  baseUnits: string;
  assetId: string;
  isPlain?: boolean;
  isExact?: boolean;
}) {
  const { asset, coin } = useSection('money');
  const { t } = useStrings();
  const found = [asset, coin].find((candidate) => candidate.id === assetId);
  if (found) return <Amount baseUnits={baseUnits} asset={found} isPlain={isPlain} isExact={isExact} />;
  return <span className="amount">{t('money.otherAsset', { amount: baseUnits, asset: assetId })}</span>;
}

/** Writes an amount in the owner's currency, or in its asset if no rate is known. */
export function useMoneyText(): (baseUnits: string, asset: Asset) => string {
  const { t, language } = useStrings();
  const { rate } = useSection('money');
  return (baseUnits, asset) =>
    isFree(asset) ? t('money.free') : writeMoney(baseUnits, asset, rate, language);
}

/** True among the owner's own machines, where nothing is paid. */
export function useIsFree(): boolean {
  return isFree(useSection('money').asset);
}

function isFree({ id }: Asset): boolean {
  return id === NO_MONEY_ID;
}

/** The rate with its time and source; null if none is known. */
export function useRateText(): string | null {
  const { t, language } = useStrings();
  const { rate } = useSection('money');
  if (rate === null) return null;
  const one = numberFormat(language, { style: 'currency', currency: rate.currency }).format(rate.perDollar);
  return t('money.rate', {
    rate: one,
    time: writeMoment(rate.atMs, Date.now(), language),
    source: t(`rates.source.${rate.source}`),
  });
}

/** Writes an exact amount with its unit as text, for sentences about tokens. */
export function useAmountText(): (baseUnits: string, asset: Asset) => string {
  const { t, language } = useStrings();
  const unitName = useUnitName();
  return (baseUnits, asset) =>
    isFree(asset)
      ? t('money.free')
      : `${writeAmount(baseUnits, asset.decimals, language).text} ${unitName(asset)}`;
}

/** Names an asset's unit; practice money carries the word in its name. */
export function useUnitName(): (asset: Asset) => string {
  const { t } = useStrings();
  return (asset) => (asset.practice ? t('money.practiceUnit', { symbol: asset.symbol }) : asset.symbol);
}
