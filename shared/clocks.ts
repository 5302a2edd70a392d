/** Differences of clocks, for people. */

const UNITS = [
  { name: 'day', ms: 86_400_000 },
  { name: 'hour', ms: 3_600_000 },
  { name: 'minute', ms: 60_000 },
] as const;

/** Describes a duration in the largest unit of which there are at least two, e.g. "90 minutes" or "2 days". */
export function describeDuration(durationMs: number): string {
  for (const { name, ms } of UNITS) {
    const count = Math.round(durationMs / ms);
    if (count >= 2) return `${count} ${name}s`;
  }
  return 'about a minute';
}
