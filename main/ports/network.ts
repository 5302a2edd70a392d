/** Port for peers and HTTP between them, implemented with libp2p. */
import type { Server } from 'node:http';

export interface PeerInfo {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly connected: boolean;
  /** This machine dialed it at the first of its addresses. Others may have dialed from a port where nothing listens. */
  readonly dialed?: true;
  /** The way in which it was found. */
  readonly source: 'mdns' | 'address';
}

/** This machine's Ed25519 key with its libp2p peer ID. */
export interface PeerKey {
  readonly peer: string;
  /** The same key as a DID of the method `key`. */
  readonly did: string;
  /** Compact JWS (RFC 7515, EdDSA) over the payload; its `kid` is the peer ID. */
  sign(payload: object): Promise<string>;
  /** The same as a JWT that others know as a verifiable credential: its `kid` is the DID URL of the key. */
  signCredential(claims: object): Promise<string>;
}

/** Returns the key in a peer ID as a DID of the method `key`. Fails with `bad-request` for another kind of key. */
export type DidOf = (peer: string) => string;

/**
 * Way in which strangers reach this machine: directly, at an address of its own; over relays; or not at all, so that it can only
 * buy.
 */
export type Reach = 'direct' | 'relayed' | 'none';

/** A stranger's record about a peer: a hint where to ask, proof of nothing. */
export interface FoundProvider {
  readonly peer: string;
  /** Multiaddrs with the peer ID. */
  readonly addresses: readonly string[];
}

/** An address at which strangers could reach this machine. */
export interface AddressTest {
  /** Multiaddr without the peer ID. */
  readonly address: string;
  /** `own`: of one of this machine's interfaces. `mapped`: of its router. `named`: by the owner. */
  readonly kind: 'own' | 'mapped' | 'named';
  /** `reached`: public nodes agree that they connected to it. `unreached`: they agree that they couldn't. */
  readonly result: 'untested' | 'reached' | 'unreached';
}

/** A relay at which this machine has a place. */
export interface RelayUse {
  readonly peer: string;
  /** Multiaddr of the connection to it. */
  readonly address: string;
  /** HTTP over it, since the start. */
  readonly inBytes: number;
  readonly outBytes: number;
  /** The relay ends connections after a time or a number of bytes; null while nobody is connected over it. */
  readonly isLimited: boolean | null;
  /** Bytes until it ends the connection that has least left; null without such a limit. */
  readonly leftBytes: number | null;
  /** Round trip to it in milliseconds, as last measured; null before. */
  readonly roundTripMs: number | null;
  /** Null for a relay that costs nothing. */
  readonly cost: RelayCost | null;
}

/** Amounts in base units. */
export interface RelayCost {
  readonly pricePerMegabyte: bigint;
  /** Since the start. */
  readonly paid: bigint;
}

/** Ways in which this machine finds others and is reached by them. */
export interface Ways {
  /** Servers of the market's DHT that this machine asks. */
  readonly neighbors: number;
  readonly addresses: readonly AddressTest[];
  readonly relays: readonly RelayUse[];
}

/** A port of the router that leads to this machine. */
export interface RoutedPort {
  readonly internalHost: string;
  readonly internalPort: number;
  readonly externalHost: string;
  readonly externalPort: number;
}

/** Hints that a provider's signed offer has changed, which peers pass on. They prove nothing but who sent them. */
export interface OfferHints {
  /** Tells those who listen to these shards that this machine's offer has changed. Never rejects. */
  publish(shards: ReadonlySet<string>): Promise<void>;
  /** Listens to, and passes on hints of, these shards and no others. */
  listen(shards: ReadonlySet<string>): void;
  /** Called with the provider of each valid hint. Returns its unsubscribe. */
  onHint(listener: (peer: string) => void): () => void;
}

/** Records about what peers provide, stored by strangers. Keys are SHA-256 in hex. */
export interface Records {
  /** Stores that this machine provides the key, and returns how many peers took the record. Never rejects. */
  provide(key: string, signal: AbortSignal): Promise<number>;
  /** Stops renewing the record of the key. Others drop it when its validity ends. */
  withdraw(key: string): Promise<void>;
  /** Peers that are said to provide the key, as they are found, until the signal. */
  find(key: string, signal: AbortSignal): AsyncIterable<FoundProvider>;
}

/** Records at nodes that are none of the market's. */
export interface PublicRecords extends Records {
  /** Called with the address (multiaddr) of each of those nodes that this machine connects to. Returns its unsubscribe. */
  onContact(listener: (address: string) => void): () => void;
}

/** The open market: peers that nobody named, found by what they provide. */
export interface Market extends Records {
  readonly hints: OfferHints;
  /** Null unless the owner allows it. */
  readonly publicDht: PublicRecords | null;
  reach(): Reach;
  /** Called when the addresses at which strangers reach this machine changed. Returns its unsubscribe. */
  onReach(listener: () => void): () => void;
  ways(): Ways;
  /** Called when the result of an address has changed. Returns its unsubscribe. */
  onWays(listener: () => void): () => void;
  /** Null where it needs no relay. */
  readonly relays: Relays | null;
  /** TCP port on which this machine listens to IPv4; null before the start, and where the announced addresses are set. */
  listenPort(): number | null;
  /** Has public nodes test this port of the router, and announces it if they reach this machine there. Null: there is none. */
  usePort(port: RoutedPort | null): void;
  /** Stays connected to these peers (multiaddrs with peer ID), through which others are found. Returns immediately. */
  join(addresses: readonly string[]): void;
  /** Connects without keeping the connection; false if that failed. */
  dial(addresses: readonly string[], signal: AbortSignal): Promise<boolean>;
}

export interface Network {
  readonly key: PeerKey;
  /** Null where only named peers and those of the LAN are reached. */
  readonly market: Market | null;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Multiaddrs with the peer ID. */
  addresses(): readonly string[];
  /** True once a peer from outside this machine's network has connected directly. */
  isReachedFromOutside(): boolean;
  peers(): readonly PeerInfo[];
  onPeers(listener: (peers: readonly PeerInfo[]) => void): () => void;
  /** Connects by multiaddr, keeps the connection, and returns the peer ID. Fails with `peer-unreachable`. */
  connect(address: string): Promise<string>;
  /**
   * Passes HTTP requests from `/http/1.1` streams to this server. The headers `x-peer-id` and, where the peer is
   * connected directly, `x-peer-subnet` (IPv4: /24, IPv6: /48) are set here, never by the peer.
   */
  serve(server: Server): void;
  /** Marks a peer that paid: when connections are scarce, those of others are closed first. */
  prefer(peer: string): void;
  /** HTTP over a libp2p stream. The signal aborts the stream. Fails with `peer-unreachable`. */
  fetch(peer: string, path: string, init: RequestInit): Promise<Response>;
  /** Bytes received and sent since the start. */
  traffic(): { readonly inBytes: number; readonly outBytes: number };
}

/** Limits of one relay. */
export interface RelayLimits {
  /** Peers that may have a place at the same time, in total and from one subnet (IPv4: /24, IPv6: /48). */
  readonly places: number;
  readonly placesPerSubnet: number;
  /** Time after which a place ends unless it is renewed. */
  readonly placeMs: number;
  /** Bytes that one peer may send through the relay within an hour. */
  readonly bytesPerPeerAndHour: number;
}

/** The allowances of the peers that have places at a relay that charges. */
export interface RelayMeter {
  /** Counts bytes to or from the peer; false if they must not be forwarded. */
  take(peer: string, bytes: number): boolean;
  /** False if nothing is forwarded for the peer until it has paid. */
  mayUse(peer: string): boolean;
}

/** Chooses the relays at which this machine has places, and counts what is paid for. */
export interface RelayChoice {
  /** Base units per megabyte at a relay that may charge; 0: nothing. Null: it isn't used now. Never rejects. */
  priceOf(relay: string): Promise<bigint | null>;
  /** Called with the bytes to or from this machine over the relay. */
  count(relay: string, bytes: number): void;
  /** Null for a relay that costs nothing. */
  costOf(relay: string): RelayCost | null;
}

/** The relays at which this machine has places. Until something chooses, only relays that can't charge are used. */
export interface Relays {
  choose(choice: RelayChoice): void;
  /** Gives up the place at this relay now, and asks for one elsewhere. */
  leave(relay: string): void;
}

export interface RelayCounts {
  /** Peers that have a place now. */
  readonly places: number;
  /** Since the start. */
  readonly relayedBytes: number;
  readonly refused: number;
}

/** A node that helps others to find and reach each other, and neither buys nor sells. */
export interface PublicNode {
  readonly peer: string;
  /** Fails with `port-in-use`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly market: Pick<Market, 'dial' | 'reach' | 'publicDht'>;
  /** See {@link Network}. */
  readonly key: PeerKey;
  serve(server: Server): void;
  prefer(peer: string): void;
  /** The announced multiaddrs, with the peer ID. */
  addresses(): readonly string[];
  /** Its counters in Prometheus' text format. */
  metrics(): Promise<string>;
}

/** Returns the payload of a compact JWS after a check of its signature against the peer ID in `kid`, or its DID URL; fails with `bad-request`. */
export type VerifySigned = (jws: string, peer: string) => Promise<unknown>;
