/** Logs which peers reach the provider's limits, rarely enough that no number of peers can fill the log. */
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { createRateLimit } from '../rate-limit/index.ts';

/** Lines per window: one for each peer and limit, and so many in total. */
const LINES_MAX = 20;
const WINDOW_MS = 600_000;
const ALL = 'all';

/** Returns a function that takes each refusal; `limit` is its sentence. */
export function createLimitLog(log: Log, clock: Clock): (peer: string, limit: string) => void {
  const window = { clock, windowMs: WINDOW_MS, message: '' };
  const perPeer = createRateLimit({ ...window, eventsMax: 1 });
  const total = createRateLimit({ ...window, eventsMax: LINES_MAX });
  let unlogged = 0;
  return (peer, limit) => {
    const key = `${peer} ${limit}`;
    if (perPeer.isReached(key)) return;
    perPeer.note(key);
    if (total.isReached(ALL)) {
      unlogged += 1;
      return;
    }
    total.note(ALL);
    log.info('A peer has reached a limit', {
      peer,
      limit,
      ...(unlogged > 0 && { othersNotLogged: unlogged }),
    });
    unlogged = 0;
  };
}
