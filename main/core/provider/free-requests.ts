/** Limits the requests that cost their peer nothing: offers, prices, and what is refused. */
import type { Clock } from '../../ports/clock.ts';
import { createRateLimit } from '../rate-limit/index.ts';
import type { Asking } from './admission.ts';

export interface FreeRequestLimits {
  /** Requests of one peer, and of all peers of one subnet, within {@link freeWindowMs}. */
  readonly freePerPeerMax: number;
  readonly freePerSubnetMax: number;
  readonly freeWindowMs: number;
}

export interface FreeRequests {
  /** Counts a request. Fails with `busy` at a limit. */
  enter(asking: Asking): void;
  /** Uncounts the newest request: it was paid. */
  takeBack(asking: Asking): void;
}

export function createFreeRequests(clock: Clock, limits: FreeRequestLimits): FreeRequests {
  const window = { clock, windowMs: limits.freeWindowMs };
  const perPeer = createRateLimit({
    ...window,
    eventsMax: limits.freePerPeerMax,
    message: 'This peer sends too many requests without paying. See Retry-After.',
  });
  const perSubnet = createRateLimit({
    ...window,
    eventsMax: limits.freePerSubnetMax,
    message: 'Peers of one subnet send too many requests without paying. See Retry-After.',
  });
  return {
    enter({ peer, subnet }) {
      perPeer.check(peer);
      if (subnet !== null) perSubnet.check(subnet);
      perPeer.note(peer);
      if (subnet !== null) perSubnet.note(subnet);
    },
    takeBack({ peer, subnet }) {
      perPeer.takeBack(peer);
      if (subnet !== null) perSubnet.takeBack(subnet);
    },
  };
}
