/** Summary of several runs of one measurement, used everywhere: the median and its spread. */

/** Returns the middle value, or the mean of the two middle ones; null without values. */
export function median(values: readonly number[]): number | null {
  return quantile(values, 0.5);
}

/** Returns the interquartile range as a percentage of the median; null with fewer than three values. */
export function spreadPercent(values: readonly number[]): number | null {
  if (values.length < 3) return null;
  const [low, middle, high] = [0.25, 0.5, 0.75].map((part) => quantile(values, part));
  if (low === null || high === null || !middle || low === undefined || high === undefined) return null;
  return (100 * (high - low)) / Math.abs(middle);
}

/** Interpolates linearly between the nearest ranks; `part` is from 0 to 1. */
export function quantile(values: readonly number[], part: number): number | null {
  const sorted = [...values].sort((left, right) => left - right);
  const position = (sorted.length - 1) * part;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) return null;
  return below + (above - below) * (position - Math.floor(position));
}
