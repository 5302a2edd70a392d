/** Shows money: exact, with its unit, and practice money marked by word and color. */
import type { Asset } from '../../shared/money.ts';
import { writeAmount } from '../format.ts';
import { useSection } from '../store.ts';
import { Fact, Unknown } from './fact.tsx';
import { useStrings } from './strings.ts';

interface AmountProps {
  /** Null if unknown. */
  readonly baseUnits: string | null;
  readonly asset: Asset;
  /** Time and source of the number, for its tooltip. */
  readonly about?: string;
  /** No tooltip, for amounts inside something that is itself pressed. */
  readonly isPlain?: boolean;
  /** Shows every digit, for amounts that the user is about to confirm. */
  readonly isExact?: boolean;
}

export function Amount({ baseUnits, asset, about, isPlain = false, isExact = false }: AmountProps) {
  const { language } = useStrings();
  const unitName = useUnitName();
  if (baseUnits === null) return <Unknown about={about ?? null} />;
  const { text: readable, exact } = writeAmount(baseUnits, asset.decimals, language);
  const text = isExact ? exact : readable;
  const unit = unitName(asset);
  const exactAmount = exact === text ? null : `${exact} ${unit}`;
  const written = (
    <span className={asset.practice ? 'amount is-practice' : 'amount'}>
      <span className="number">{text}</span> <span className="unit">{unit}</span>
    </span>
  );
  if (isPlain) return written;
  return <Fact about={[exactAmount, about].filter(Boolean).join(' · ') || null}>{written}</Fact>;
}

/** An amount of an asset that is given by its ID, as in ledger lines. */
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

/** Writes an amount with its unit as text, for sentences. */
export function useAmountText(): (baseUnits: string, asset: Asset) => string {
  const { language } = useStrings();
  const unitName = useUnitName();
  return (baseUnits, asset) => `${writeAmount(baseUnits, asset.decimals, language).text} ${unitName(asset)}`;
}

/** Names an asset's unit; practice money carries the word in its name. */
export function useUnitName(): (asset: Asset) => string {
  const { t } = useStrings();
  return (asset) => (asset.practice ? t('money.practiceUnit', { symbol: asset.symbol }) : asset.symbol);
}
