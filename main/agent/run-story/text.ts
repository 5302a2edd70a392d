/** Texts of the run story: short names, amounts with their unit, durations. */
import { type Asset, formatUnits } from '../../../shared/money.ts';

const SHORT = 8;

/** Last characters of an ID: peer and job IDs begin alike. */
export function shortId(id: string): string {
  return id.length <= SHORT ? id : `…${id.slice(-SHORT)}`;
}

/** Exact amount in base units and, in parentheses, in the asset's own unit. */
export function moneyText(amount: bigint | string, asset: Asset): string {
  const units = BigInt(amount);
  const symbol = asset.practice ? `practice ${asset.symbol}` : asset.symbol;
  return `${units} base units (${formatUnits(units, asset.decimals)} ${symbol})`;
}

/** Whole milliseconds between two times; null where one is unknown. */
export function durationMs(fromMs: number | null, toMs: number | null): number | null {
  return fromMs === null || toMs === null ? null : Math.round(toMs - fromMs);
}
