/**
 * Records in the public DHT of IPFS. Each question has a node of its own with this machine's key, so that the many peers which
 * it dials on the way are none of this machine's: they aren't asked for offers, remembered, or chosen as relays, and no
 * connection to them stays.
 */
import type { Ed25519PrivateKey } from '@libp2p/interface';
import { kadDHT } from '@libp2p/kad-dht';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { forceUnwrap } from '../../../shared/assert.ts';
import type { FoundProvider, PublicRecords } from '../../ports/network.ts';
import { createNode, type Node } from './node.ts';
import { ProviderRecords, publicDhtOptions } from './provider-records.ts';
import { type AddressScope, announced } from './public-addresses.ts';

export interface PublicDhtOptions {
  readonly privateKey: Ed25519PrivateKey;
  readonly scope: AddressScope;
  /** Multiaddrs of nodes of that DHT, with the peer ID. */
  readonly bootstrap: readonly string[];
  /** Addresses at which strangers reach this machine. */
  readonly ownAddresses: () => readonly Multiaddr[];
}

/** Connections of one question. */
const CONNECTIONS_MAX = 64;

export class PublicDht implements PublicRecords {
  readonly #options: PublicDhtOptions;
  readonly #listeners = new Set<(address: string) => void>();

  constructor(options: PublicDhtOptions) {
    this.#options = options;
  }

  async provide(key: string, signal: AbortSignal): Promise<number> {
    const addresses = this.#options.ownAddresses().map(String);
    if (addresses.length === 0) return 0;
    const { node, records } = await this.#open(addresses, signal);
    try {
      return await records.provide(key, signal);
    } finally {
      await node.stop();
    }
  }

  /** Nothing renews a record here. */
  async withdraw(): Promise<void> {}

  async *find(key: string, signal: AbortSignal): AsyncGenerator<FoundProvider> {
    const { node, records } = await this.#open([], signal);
    try {
      yield* records.find(key, signal);
    } finally {
      await node.stop();
    }
  }

  onContact(listener: (address: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Starts a node that dials those of the bootstrap list; a query waits for the first of them. */
  async #open(
    announce: string[],
    signal: AbortSignal,
  ): Promise<{ readonly node: Node; readonly records: ProviderRecords }> {
    const { privateKey, scope, bootstrap } = this.#options;
    const node = await createNode({
      ...{ privateKey, listen: [], mdnsServiceTag: null, connectionGater: {}, onFound: () => undefined },
      connectionsMax: CONNECTIONS_MAX,
      market: {
        addresses: { announce, announceFilter: announced(scope) },
        services: { dht: kadDHT(publicDhtOptions(scope)) },
      },
    });
    node.addEventListener('connection:open', ({ detail }) => {
      for (const listener of this.#listeners) listener(detail.remoteAddr.toString());
    });
    await node.start();
    // Each of them may be gone.
    for (const address of bootstrap) node.dial(multiaddr(address), { signal }).catch(() => undefined);
    const dht = forceUnwrap('this node has a DHT', node.services.dht);
    return { node, records: new ProviderRecords(node, dht, scope) };
  }
}
