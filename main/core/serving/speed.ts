/** Speed of the work as pages show it, with the time of its measurement. */
export interface CurrentSpeed {
  readonly tokensPerSecond: number | null;
  readonly tokensPerSecondAtMs: number | null;
}

/** Sums the running jobs; without one that has a speed yet, the last finished job's speed. Unknown is null. */
export function currentSpeed(
  active: readonly { readonly tokensPerSecond: number | null }[],
  last: { readonly decodeTokensPerSecond: number | null; readonly endedAtMs: number | null } | undefined,
  nowMs: number,
): CurrentSpeed {
  const speeds = active.flatMap(({ tokensPerSecond }) => tokensPerSecond ?? []);
  if (speeds.length === 0) {
    return {
      tokensPerSecond: last?.decodeTokensPerSecond ?? null,
      tokensPerSecondAtMs: last?.endedAtMs ?? null,
    };
  }
  return { tokensPerSecond: speeds.reduce((sum, speed) => sum + speed, 0), tokensPerSecondAtMs: nowMs };
}
