/**
 * Finds machines of the market without a public node of the market: each that strangers reach stores the rendezvous key in
 * the public DHT, and each looks it up. What is found there is a hint, dialed within the same limits as any other.
 */
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { Market, Network, Records } from '../../ports/network.ts';
import { createAnnouncing } from './announcing.ts';
import { rendezvousKey } from './market-key.ts';
import { createSeeking } from './seeking.ts';

export interface RendezvousParts {
  /** Null at a public node, which is found and looks for nobody. */
  readonly network: Pick<Network, 'peers'> | null;
  readonly market: Pick<Market, 'dial' | 'reach'> & { readonly publicDht: Records | null };
  readonly clock: Clock;
  readonly log: Log;
}

/** That DHT stores records for two days, and its nodes are strangers that owe this machine nothing. */
const RENDEZVOUS_EVERY_MS = 6 * 3_600_000;
/** Again after a while: at first, this machine may have no address yet, or find few of those nodes. */
const RENDEZVOUS_AT_MS = [0, 60_000, 600_000, 3_600_000];
/** A lookup there takes many steps. */
export const RENDEZVOUS_MS_MAX = 30_000;
const SEEK_AT_MS = [0, 60_000];
const SEEK_EVERY_MS = 3_600_000;

/** Announces this machine and looks for others from now on. Returns the function that stops this. */
export function meetInPublic({ network, market, clock, log }: RendezvousParts): () => void {
  const { publicDht } = market;
  if (publicDht === null) return () => undefined;
  const announcing = createAnnouncing({
    market: {
      provide: (key, signal) => publicDht.provide(key, signal),
      withdraw: (key) => publicDht.withdraw(key),
      reach: () => market.reach(),
      // Addresses change more often than those nodes should be bothered.
      onReach: () => () => undefined,
    },
    times: { atMs: RENDEZVOUS_AT_MS, everyMs: RENDEZVOUS_EVERY_MS },
    keys: () => [rendezvousKey],
    ...{ clock, log },
  });
  announcing.start();
  if (network === null) return () => announcing.stop();
  const seeking = createSeeking({
    network,
    market: {
      find: (key, signal) => publicDht.find(key, signal),
      dial: (addresses, signal) => market.dial(addresses, signal),
    },
    times: { atMs: SEEK_AT_MS, everyMs: SEEK_EVERY_MS, msMax: RENDEZVOUS_MS_MAX },
    ...{ clock, log },
  });
  seeking.keepSeeking(rendezvousKey);
  return () => {
    announcing.stop();
    seeking.stop();
  };
}
