/** Earnings of a period with what they cost: by day, model and device, from stored sums only. */
import { type Amount, amount } from '../../../shared/money.ts';
import type { DayEarnings, ModelEarnings, NetworkEarnings } from '../ledger/index.ts';
import type { DeviceEarnings } from './device-earnings.ts';
import type { DayEnergy, WorkMeter } from './work-meter.ts';

/** Prices in millionths of a US dollar; null while unknown. */
export interface Prices {
  /** Per kilowatt-hour. */
  readonly power: number | null;
  readonly offPeakPower: number | null;
  /** Of one whole coin. */
  readonly coin: number | null;
}

export interface OverviewParts {
  /** Of the period. */
  readonly earnings: {
    readonly byDay: readonly DayEarnings[];
    readonly byModel: readonly ModelEarnings[];
    readonly byDevice: readonly DeviceEarnings[];
    readonly byNetwork: NetworkEarnings;
  };
  readonly meter: Pick<WorkMeter, 'energy'>;
  readonly coin: { readonly decimals: number };
  /** False for practice money: electricity and fees cost real money, so they can't be subtracted from it. */
  readonly isReal: boolean;
  readonly prices: () => Prices;
}

export interface DayOverview {
  readonly day: string;
  readonly earned: Amount;
  /** Part of it that the storefront sold, before what it paid for that on the market. */
  readonly resold: Amount;
  readonly jobs: number;
  readonly feesCoin: Amount;
  /** Null if nothing was measured on that day. */
  readonly wattHours: number | null;
  readonly powerMicroUsd: number | null;
}

export interface Overview {
  readonly days: readonly DayOverview[];
  readonly models: readonly { readonly model: string; readonly earned: Amount; readonly jobs: number }[];
  /** Without what the storefront sold. */
  readonly devices: readonly DeviceEarnings[];
  readonly networks: NetworkEarnings;
  readonly totals: {
    readonly earned: Amount;
    readonly jobs: number;
    readonly feesCoin: Amount;
    readonly feesMicroUsd: number | null;
    readonly wattHours: number | null;
    readonly powerMicroUsd: number | null;
    /** Percentage of the time with a loaded engine in which the energy is known; null without such time. */
    readonly measuredPercent: number | null;
    /** Part of the energy rests on the owner's figure instead of a sensor. */
    readonly isEstimated: boolean;
    /** Earned by this machine’s work less electricity and fees; null while one of them is unknown. */
    readonly netMicroUsd: number | null;
  };
}

export function overviewOf(parts: OverviewParts, days: number): Overview {
  const { earnings, meter } = parts;
  const prices = parts.prices();
  const energy = new Map(meter.energy(days).map((each) => [each.day, each]));
  const byDay = earnings.byDay.map((each) => {
    const used = energy.get(each.day);
    return { ...each, wattHours: wattHoursOf(used), powerMicroUsd: costOf(used, prices) };
  });
  return {
    days: byDay,
    models: earnings.byModel,
    devices: earnings.byDevice,
    networks: earnings.byNetwork,
    totals: totalsOf(parts, byDay, { energy: [...energy.values()], prices }),
  };
}

function totalsOf(
  { isReal, coin }: OverviewParts,
  days: readonly DayOverview[],
  { energy, prices }: { readonly energy: readonly DayEnergy[]; readonly prices: Prices },
): Overview['totals'] {
  const earned = days.reduce((sum, each) => sum + each.earned, 0n);
  const resold = days.reduce((sum, each) => sum + each.resold, 0n);
  const feesCoin = days.reduce((sum, each) => sum + each.feesCoin, 0n);
  const activeMs = sumOf(energy.map((each) => each.activeMs));
  const measuredMs = sumOf(energy.map((each) => each.measuredMs));
  const feesMicroUsd = isReal ? feesIn(feesCoin, coin.decimals, prices.coin) : null;
  const costs = energy.filter((each) => each.measuredMs > 0).map((each) => costOf(each, prices));
  const isPriced = measuredMs > 0 && costs.every((cost) => cost !== null);
  const powerMicroUsd = isPriced ? sumOf(costs.map((cost) => cost ?? 0)) : null;
  const isKnown = isReal && feesMicroUsd !== null && powerMicroUsd !== null;
  return {
    earned: amount(earned),
    jobs: sumOf(days.map(({ jobs }) => jobs)),
    feesCoin: amount(feesCoin),
    feesMicroUsd,
    wattHours:
      measuredMs > 0 ? sumOf(energy.map((each) => each.peakWattHours + each.offPeakWattHours)) : null,
    powerMicroUsd,
    measuredPercent: activeMs > 0 ? (measuredMs / activeMs) * 100 : null,
    isEstimated: energy.some((each) => each.estimatedMs > 0),
    netMicroUsd: isKnown ? Math.round(Number(earned - resold) - feesMicroUsd - powerMicroUsd) : null,
  };
}

function wattHoursOf(energy: DayEnergy | undefined): number | null {
  if (energy === undefined || energy.measuredMs === 0) return null;
  return energy.peakWattHours + energy.offPeakWattHours;
}

function costOf(energy: DayEnergy | undefined, { power, offPeakPower }: Prices): number | null {
  if (energy === undefined || energy.measuredMs === 0 || power === null) return null;
  const { peakWattHours, offPeakWattHours } = energy;
  return (peakWattHours * power + offPeakWattHours * (offPeakPower ?? power)) / 1_000;
}

/** Zero fees cost nothing at any price. */
function feesIn(feesCoin: bigint, decimals: number, coinMicroUsd: number | null): number | null {
  if (feesCoin === 0n) return 0;
  return coinMicroUsd === null ? null : (Number(feesCoin) / 10 ** decimals) * coinMicroUsd;
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
