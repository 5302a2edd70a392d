/** Compares this machine's clock with the chain's and with peers' again and again, so that the owner learns of a wrong one. */
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Directory } from './directory.ts';

export interface ClockWatchParts {
  readonly clock: Clock;
  readonly log: Log;
  /** The chain's time; rejects while the chain is unavailable. */
  readonly chainMs: () => Promise<number>;
  /** Null without an agent that buys. */
  readonly peers: Pick<Directory, 'peersAheadMs'> | null;
  /** Called when the clock turns out to be wrong, by how much the others are ahead of it, and when it is right: null. */
  readonly onChange: (aheadMs: number | null) => void;
}

const CHECK_EVERY_MS = 60_000;
/** A signed deposit is valid for this long, so a larger difference makes it fail. */
const CHAIN_AHEAD_MS_MAX = 600_000;
/** Fewer peers may all be one stranger. */
const PEERS_MIN = 3;

/** Checks now and every minute. */
export function watchClock(parts: ClockWatchParts): Timer {
  const { clock, log, onChange } = parts;
  let shown: number | null = null;

  async function check(): Promise<void> {
    const aheadMs = await differenceMs(parts);
    const isSame = aheadMs !== null && shown !== null && Math.abs(aheadMs - shown) < CHAIN_AHEAD_MS_MAX;
    if (aheadMs === shown || isSame) return;
    if (aheadMs === null) log.info('This machine’s clock is right again');
    else log.warn('This machine’s clock is wrong', { othersAheadMs: aheadMs });
    shown = aheadMs;
    onChange(aheadMs);
  }

  void check();
  return clock.every(CHECK_EVERY_MS, check);
}

/** Returns null if nothing shows that the clock is wrong. The chain's last block may be old, so only its future counts. */
async function differenceMs({ clock, chainMs, peers }: ClockWatchParts): Promise<number | null> {
  const chainAheadMs = await chainMs().then(
    (atMs) => atMs - clock.now(),
    () => 0,
  );
  if (chainAheadMs > CHAIN_AHEAD_MS_MAX) return chainAheadMs;
  const peersAheadMs = peers?.peersAheadMs(PEERS_MIN) ?? 0;
  return peersAheadMs === 0 ? null : peersAheadMs;
}
