/** The parts of a node that take part in the open market. Loaded only where they are wanted. */
import {
  type CircuitRelayServerInit,
  type CircuitRelayTransportComponents,
  circuitRelayServer,
} from '@libp2p/circuit-relay-v2';
import type { Ed25519PrivateKey, Transport } from '@libp2p/interface';
import { kadDHT } from '@libp2p/kad-dht';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { webSockets } from '@libp2p/websockets';
import { BoundedDatastore } from './bounded-datastore.ts';
import type { MarketParts } from './node.ts';
import { offerGossip } from './offer-gossip.ts';
import { dhtOptions } from './provider-records.ts';
import { type AddressScope, announced } from './public-addresses.ts';

export interface MarketPartsOptions {
  readonly privateKey: Ed25519PrivateKey;
  readonly scope: AddressScope;
  /** Addresses to announce instead of those that the node finds out; none: those. */
  readonly announce: readonly string[];
  /** Answers the DHT's queries; otherwise only once it has a public address. */
  readonly isServer: boolean;
  /** Connects over relays, and accepts such connections. */
  readonly relayed?: (components: CircuitRelayTransportComponents) => Transport;
  /** Relays for others. */
  readonly relay?: CircuitRelayServerInit;
}

export function createMarketParts(options: MarketPartsOptions): MarketParts {
  const { privateKey, scope, announce, isServer, relayed, relay } = options;
  return {
    addresses: { announce: [...announce], announceFilter: announced(scope) },
    datastore: new BoundedDatastore(peerIdFromPrivateKey(privateKey).toCID().toString()),
    transports: [webSockets(), ...(relayed ? [relayed] : [])],
    services: {
      dht: kadDHT(dhtOptions(scope, isServer)),
      gossip: offerGossip(),
      ...(relay && { relay: circuitRelayServer(relay) }),
    },
  };
}
