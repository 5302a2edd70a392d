/** Stores in the DHT what this machine provides, and finds what others provide. */
import type { Libp2p } from '@libp2p/interface';
import type { KadDHT, KadDHTInit } from '@libp2p/kad-dht';
import { passthroughMapper, removePrivateAddressesMapper } from '@libp2p/kad-dht';
import { CID } from 'multiformats/cid';
import { code as RAW } from 'multiformats/codecs/raw';
import { create as createDigest } from 'multiformats/hashes/digest';
import { DHT_PROTOCOL, PUBLIC_DHT_PROTOCOL } from '../../../shared/wire.ts';
import type { FoundProvider, Records } from '../../ports/network.ts';
import { type AddressScope, dialable, ofPeer } from './public-addresses.ts';

/** Records that weren't renewed for this long are dropped; providers renew theirs more than twice within it. */
export const RECORD_VALID_MS = 45 * 60_000;
const DROP_EXPIRED_EVERY_MS = 5 * 60_000;
/** libp2p's own first search for neighbors, one second after the start, delays the first query. */
const FIRST_NEIGHBORS_MS = 50;
const SHA2_256 = 0x12;
const STREAMS_PER_CONNECTION_MAX = 16;

/** Options of the DHT: a server where `isServer`, else only with a public address of its own. */
export function dhtOptions(scope: AddressScope, isServer: boolean): KadDHTInit {
  return {
    protocol: DHT_PROTOCOL,
    ...(isServer && { clientMode: false }),
    initialQuerySelfInterval: FIRST_NEIGHBORS_MS,
    peerInfoMapper: scope === 'any' ? passthroughMapper : removePrivateAddressesMapper,
    maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
    providers: { provideValidity: RECORD_VALID_MS / 1_000 },
    // Own records are renewed by the core, which knows whether they still apply.
    reprovide: { validity: RECORD_VALID_MS, threshold: 0, interval: DROP_EXPIRED_EVERY_MS },
  };
}

/** Options of the public DHT, in which this machine only asks. */
export function publicDhtOptions(scope: AddressScope): KadDHTInit {
  return {
    protocol: PUBLIC_DHT_PROTOCOL,
    clientMode: true,
    initialQuerySelfInterval: FIRST_NEIGHBORS_MS,
    peerInfoMapper: scope === 'any' ? passthroughMapper : removePrivateAddressesMapper,
  };
}

export class ProviderRecords implements Records {
  readonly #node: Libp2p;
  readonly #dht: KadDHT;
  readonly #scope: AddressScope;

  constructor(node: Libp2p, dht: KadDHT, scope: AddressScope) {
    this.#node = node;
    this.#dht = dht;
    this.#scope = scope;
  }

  /**
   * Returns how many peers took the record; 0 if none could be asked until the signal, or if this machine announces no
   * address.
   */
  async provide(key: string, signal: AbortSignal): Promise<number> {
    if (this.#node.getMultiaddrs().length === 0) return 0;
    let taken = 0;
    try {
      for await (const event of this.#dht.provide(cidOf(key), { signal })) {
        if (event.name === 'PEER_RESPONSE' && event.messageName === 'ADD_PROVIDER') taken += 1;
      }
    } catch {
      // The signal, or a stop: those that took it have it.
    }
    return taken;
  }

  async withdraw(key: string): Promise<void> {
    await this.#dht.cancelReprovide(cidOf(key));
  }

  /** Yields peers until the signal, without this machine. None of it is proven. */
  async *find(key: string, signal: AbortSignal): AsyncGenerator<FoundProvider> {
    const seen = new Set([this.#node.peerId.toString()]);
    try {
      for await (const event of this.#dht.findProviders(cidOf(key), { signal })) {
        if (event.name !== 'PROVIDER') continue;
        for (const { id, multiaddrs } of event.providers) {
          const peer = id.toString();
          if (seen.has(peer)) continue;
          seen.add(peer);
          const addresses = dialable(multiaddrs, this.#scope).map((address) =>
            ofPeer(address, peer).toString(),
          );
          yield { peer, addresses };
        }
      }
    } catch {
      // The signal, or a stop: what was found counts.
    }
  }
}

/** The name under which the DHT has a key; `key`: a SHA-256 in hex. */
export function cidOf(key: string): CID {
  return CID.createV1(RAW, createDigest(SHA2_256, Buffer.from(key, 'hex')));
}
