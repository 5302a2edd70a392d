/** Money on the screen: exact, with its unit, and practice money marked by word and by colour. */
import type { Asset } from '../../shared/money.ts';
import { writeAmount } from '../format.ts';
import { useSection } from '../store.ts';
import { Fact, Unknown } from './fact.tsx';
import { useStrings } from './strings.ts';

interface AmountProps {
  /** Null is unknown. */
  readonly baseUnits: string | null;
  readonly asset: Asset;
  /** When and from where the number is. */
  readonly about?: string;
  /** Without a tooltip of its own, for places that are pressed as a whole. */
  readonly isPlain?: boolean;
  /** Every digit at once, for what is about to be agreed to. */
  readonly isExact?: boolean;
}

export function Amount({ baseUnits, asset, about, isPlain = false, isExact = false }: AmountProps) {
  const { t, language } = useStrings();
  if (baseUnits === null) return <Unknown about={about ?? null} />;
  const { text: readable, exact } = writeAmount(baseUnits, asset.decimals, language);
  const text = isExact ? exact : readable;
  const unit = asset.practice ? t('money.practiceUnit', { symbol: asset.symbol }) : asset.symbol;
  const sayExact = exact === text ? null : `${exact} ${unit}`;
  const written = (
    <span className={asset.practice ? 'amount is-practice' : 'amount'}>
      <span className="number">{text}</span> <span className="unit">{unit}</span>
    </span>
  );
  if (isPlain) return written;
  return <Fact about={[sayExact, about].filter(Boolean).join(' · ') || null}>{written}</Fact>;
}

/** An amount of an asset known only by its id, as ledger lines name it. */
export function AmountById({
  baseUnits,
  assetId,
  isPlain = false,
}: {
  baseUnits: string;
  assetId: string;
  isPlain?: boolean;
}) {
  const { asset, coin } = useSection('money');
  const { t } = useStrings();
  const found = [asset, coin].find((candidate) => candidate.id === assetId);
  if (found) return <Amount baseUnits={baseUnits} asset={found} isPlain={isPlain} />;
  return <span className="amount">{t('money.otherAsset', { amount: baseUnits, asset: assetId })}</span>;
}

/** An amount as text, for sentences. */
export function useAmountText(): (baseUnits: string, asset: Asset) => string {
  const { t, language } = useStrings();
  return (baseUnits, asset) =>
    `${writeAmount(baseUnits, asset.decimals, language).text} ${asset.practice ? t('money.practiceUnit', { symbol: asset.symbol }) : asset.symbol}`;
}
