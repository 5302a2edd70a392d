/** Amounts of money as the shell shows them. */
import { type Asset, formatUnits } from '../../shared/money.ts';
import { type Language, text } from '../../shared/strings/index.ts';

/** An amount with every digit and its unit, which names practice money as such. */
export function moneyText(asset: Asset, baseUnits: string, language: Language): string {
  const { symbol } = asset;
  const unit = asset.practice ? text(language, 'money.practiceUnit', { symbol }) : symbol;
  return `${exactNumber(asset, baseUnits, language)} ${unit}`;
}

/** An amount with every digit, without its unit. */
export function exactNumber(asset: Asset, baseUnits: string, language: Language): string {
  const plain = formatUnits(BigInt(baseUnits), asset.decimals) as `${number}`;
  return new Intl.NumberFormat(language, { maximumFractionDigits: asset.decimals }).format(plain);
}
