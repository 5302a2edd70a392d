/** Values of amounts in the owner's currency: exact, and rounded only where they are printed for people. */
import { formatUnits } from '../../../shared/money.ts';

/** Enough for every asset (36) and every rate (18). */
const VALUE_DECIMALS = 54;

/** Exact, in units of the currency's 54th decimal, so that values can be added up. */
export function valueUnits(value: bigint, decimals: number, rate: string): bigint {
  const [whole = '0', fraction = ''] = rate.split('.');
  return value * BigInt(whole + fraction) * 10n ** BigInt(VALUE_DECIMALS - decimals - fraction.length);
}

/** Exact value in decimal notation: with as many decimals as amount and rate have together. */
export function fiatValue(value: bigint, decimals: number, rate: string): string {
  return formatUnits(valueUnits(value, decimals, rate), VALUE_DECIMALS);
}

/** Decimal notation of such a sum with exactly these places; half a unit of the last one is rounded away from zero. */
export function roundedValue(units: bigint, places: number): string {
  const unit = 10n ** BigInt(VALUE_DECIMALS - places);
  const size = (units < 0n ? -units : units) + unit / 2n;
  const digits = (size / unit).toString().padStart(places + 1, '0');
  const isNegative = units < 0n && size >= unit;
  return `${isNegative ? '-' : ''}${digits.slice(0, -places)}.${digits.slice(-places)}`;
}
