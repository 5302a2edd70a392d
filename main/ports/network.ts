/** Port for peers and HTTP between them, implemented with libp2p. */
import type { Server } from 'node:http';

export interface PeerInfo {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly connected: boolean;
  /** The way in which it was found. */
  readonly source: 'mdns' | 'address';
}

/** This machine's Ed25519 key with its libp2p peer ID. */
export interface PeerKey {
  readonly peer: string;
  /** Compact JWS (RFC 7515, EdDSA) over the payload; its `kid` is the peer ID. */
  sign(payload: object): Promise<string>;
}

export interface Network {
  readonly key: PeerKey;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Multiaddrs with the peer ID. */
  addresses(): readonly string[];
  peers(): readonly PeerInfo[];
  onPeers(listener: (peers: readonly PeerInfo[]) => void): () => void;
  /** Connects by multiaddr, keeps the connection, and returns the peer ID. Fails with `peer-unreachable`. */
  connect(address: string): Promise<string>;
  /** Passes HTTP requests from `/http/1.1` streams to this server. The header `x-peer-id` is set here, never by the peer. */
  serve(server: Server): void;
  /** Marks a peer that paid: when connections are scarce, those of others are closed first. */
  prefer(peer: string): void;
  /** HTTP over a libp2p stream. The signal aborts the stream. Fails with `peer-unreachable`. */
  fetch(peer: string, path: string, init: RequestInit): Promise<Response>;
  /** Bytes received and sent since the start. */
  traffic(): { readonly inBytes: number; readonly outBytes: number };
}

/** Returns the payload of a compact JWS after a check of its signature against the peer ID in `kid`; fails with `bad-request`. */
export type VerifySigned = (jws: string, peer: string) => Promise<unknown>;
