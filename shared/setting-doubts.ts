/** Values of settings that are valid but implausible: a slip of the decimal point is likelier than a wish. */
import type { Settings, SettingsPatch } from './settings.ts';

/** Plausible values, from and to inclusive. Amounts are base units of a token with 6 decimals or of a coin with 18. */
const PLAUSIBLE = {
  /** 0.0001 to 200 US dollars per million tokens. */
  priceInputPerMillion: [100n, 200_000_000n],
  priceOutputPerMillion: [100n, 200_000_000n],
  /** 0.0001 to 500 US dollars. */
  settleThreshold: [100n, 500_000_000n],
  /** Up to a tenth of a coin. */
  networkFeeMax: [1n, 10n ** 17n],
  /** 1 to 100,000 US dollars for one coin. */
  coinPriceMicroUsd: [1_000_000n, 100_000_000_000n],
  /** Up to 5 US dollars per kilowatt-hour. */
  powerPriceMicroUsd: [0n, 5_000_000n],
  offPeakPowerPriceMicroUsd: [0n, 5_000_000n],
  /** At least 1 GB: less than the smallest model. */
  modelBudgetBytes: [1_000_000_000n, 2n ** 50n],
} as const satisfies Partial<Record<keyof Settings, readonly [bigint, bigint]>>;

export type DoubtfulSetting = keyof typeof PLAUSIBLE;

/** Returns the settings of a change whose new value is implausible and that don't have it already. */
export function doubtsAbout(patch: SettingsPatch, current: Settings): DoubtfulSetting[] {
  return (Object.keys(PLAUSIBLE) as DoubtfulSetting[]).filter((name) => {
    const value = patch[name];
    if (value === undefined || value === null || value === current[name]) return false;
    const [from, to] = PLAUSIBLE[name];
    return BigInt(value) < from || BigInt(value) > to;
  });
}
