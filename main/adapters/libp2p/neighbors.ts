/**
 * Keeps the connected servers of the DHT in its routing table. libp2p tries each of them once, when it connects: where that
 * one ping is late, as on a slow line, the server is left out, and without any server every query waits forever.
 */
import type { Libp2p, PeerId } from '@libp2p/interface';
import type { KadDHT } from '@libp2p/kad-dht';
import { DHT_PROTOCOL } from '../../../shared/wire.ts';
import type { Clock, Timer } from '../../ports/clock.ts';

/** With so many neighbors a query finds its way. */
const NEIGHBORS_ENOUGH = 8;
const CHECK_EVERY_MS = 5_000;
/** Servers that are tried at a time. */
const TRIED_MAX = 8;
const TRY_MS_MAX = 10_000;

/** The public part of libp2p's routing table; the exported type of the DHT leaves the table out. */
interface RoutingTable {
  readonly size: number;
  find(peer: PeerId): Promise<unknown>;
  /** Returns without an error if the peer doesn't answer. */
  add(peer: PeerId, options: { readonly signal: AbortSignal }): Promise<void>;
}

/** From the start of the node to its stop. Returns a function that counts the neighbors. */
export function keepNeighbors(node: Libp2p, dht: KadDHT, clock: Clock): () => number {
  const table = (dht as unknown as { readonly routingTable: RoutingTable }).routingTable;
  let timer: Timer | null = null;
  let isBusy = false;

  async function addMissing(): Promise<void> {
    if (isBusy || table.size >= NEIGHBORS_ENOUGH) return;
    isBusy = true;
    try {
      const missing: PeerId[] = [];
      for (const peer of node.getPeers()) {
        if (missing.length >= TRIED_MAX) break;
        const known = await node.peerStore.get(peer).catch(() => null);
        if (known?.protocols.includes(DHT_PROTOCOL) && !(await table.find(peer))) missing.push(peer);
      }
      const signal = AbortSignal.timeout(TRY_MS_MAX);
      await Promise.allSettled(missing.map((peer) => table.add(peer, { signal })));
    } finally {
      isBusy = false;
    }
  }

  node.addEventListener('start', () => {
    timer = clock.every(CHECK_EVERY_MS, addMissing);
  });
  node.addEventListener('stop', () => timer?.cancel());
  return () => table.size;
}
