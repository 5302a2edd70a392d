/** Values of settings that are valid but implausible: a slip of the decimal point is likelier than a wish. */
import type { Settings, SettingsPatch } from './settings.ts';

interface Range {
  /** Smallest and largest plausible value, in the setting's unit. */
  readonly from: bigint;
  readonly to: bigint;
  /** Decimals of the unit in which the owner types the value. */
  readonly decimals: number;
}

/** 0.0001 to 200 US dollars per million tokens. */
const TOKEN_PRICE = { from: 100n, to: 200_000_000n, decimals: 6 };
/** Up to 1 US dollar per kilowatt-hour. */
const POWER_PRICE = { from: 0n, to: 1_000_000n, decimals: 6 };

const PLAUSIBLE = {
  priceInputPerMillion: TOKEN_PRICE,
  priceOutputPerMillion: TOKEN_PRICE,
  /** 0.0001 to 500 US dollars. */
  settleThreshold: { from: 100n, to: 500_000_000n, decimals: 6 },
  /** Up to a tenth of a coin. */
  networkFeeMax: { from: 1n, to: 10n ** 17n, decimals: 18 },
  /** 1 to 100,000 US dollars for one coin. */
  coinPriceMicroUsd: { from: 1_000_000n, to: 100_000_000_000n, decimals: 6 },
  powerPriceMicroUsd: POWER_PRICE,
  offPeakPowerPriceMicroUsd: POWER_PRICE,
  /** Up to 100 US dollars. */
  buyDayMax: { from: 0n, to: 100_000_000n, decimals: 6 },
  /** Up to 5 US dollars. */
  buyRequestMax: { from: 0n, to: 5_000_000n, decimals: 6 },
  buyNewProviderMax: { from: 0n, to: 5_000_000n, decimals: 6 },
  /** Maximum prices at which others sell. */
  buyPriceInputMax: TOKEN_PRICE,
  buyPriceOutputMax: TOKEN_PRICE,
  /** At least 1 GB: less than the smallest model. */
  modelBudgetBytes: { from: 1_000_000_000n, to: 2n ** 50n, decimals: 9 },
  /** From 10 watts: less than any machine takes while it computes. */
  wattsMax: { from: 10n, to: 10_000n, decimals: 0 },
  /** Up to 2,000 watts: more than a machine with several large GPUs takes. */
  workWatts: { from: 1n, to: 2_000n, decimals: 0 },
} as const satisfies Partial<Record<keyof Settings, Range>>;

export type DoubtfulSetting = keyof typeof PLAUSIBLE;
export const DOUBTFUL_SETTINGS = Object.keys(PLAUSIBLE) as DoubtfulSetting[];

/** Returns the plausible values of a setting. */
export function plausibleRange(name: DoubtfulSetting): Range {
  return PLAUSIBLE[name];
}

/** Returns the settings of a change whose new value is implausible and that don't have it already. */
export function doubtsAbout(patch: SettingsPatch, current: Settings): DoubtfulSetting[] {
  return DOUBTFUL_SETTINGS.filter((name) => {
    const value = patch[name];
    if (value === undefined || value === null || value === current[name]) return false;
    const { from, to } = PLAUSIBLE[name];
    return BigInt(value) < from || BigInt(value) > to;
  });
}
