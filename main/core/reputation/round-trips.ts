/** Measures the distance to peers where offers are fetched: a small request that a provider answers from memory. */
import type { Clock } from '../../ports/clock.ts';
import type { Network } from '../../ports/network.ts';
import type { Experience } from './experience.ts';

/** Returns the network's `fetch`; the time to the head of each successful response is noted as the peer's round trip. */
export function measureRoundTrips(
  network: Pick<Network, 'fetch'>,
  experience: Pick<Experience, 'noteRoundTrip'>,
  clock: Pick<Clock, 'monotonic'>,
): Network['fetch'] {
  return async (peer, path, init) => {
    const startMs = clock.monotonic();
    const response = await network.fetch(peer, path, init);
    if (response.status === 200) experience.noteRoundTrip(peer, clock.monotonic() - startMs);
    return response;
  };
}
