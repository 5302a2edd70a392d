/** Peers and HTTP between them; libp2p is behind it. */
import type { Server } from 'node:http';

export interface PeerInfo {
  readonly peer: string;
  readonly addresses: readonly string[];
  readonly connected: boolean;
  /** How it was found. */
  readonly source: 'mdns' | 'address';
}

/** This machine's Ed25519 key, as libp2p names it. */
export interface PeerKey {
  readonly peer: string;
  /** Compact JWS (RFC 7515, EdDSA) over the payload; its `kid` is the peer id. */
  sign(payload: object): Promise<string>;
}

export interface Network {
  readonly key: PeerKey;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Multiaddrs that include the peer id. */
  addresses(): readonly string[];
  peers(): readonly PeerInfo[];
  onPeers(listener: (peers: readonly PeerInfo[]) => void): () => void;
  /** Connects by multiaddr and keeps it connected. Fails with `peer-unreachable`. */
  connect(address: string): Promise<string>;
  /** HTTP requests that come over `/http/1.1` streams go to this server. The header `x-peer-id` is set by us, never by the peer. */
  serve(server: Server): void;
  /** HTTP over a libp2p stream. The signal aborts the stream. Fails with `peer-unreachable`. */
  fetch(peer: string, path: string, init: RequestInit): Promise<Response>;
  /** Bytes in and out since the start. */
  traffic(): { readonly inBytes: number; readonly outBytes: number };
}

/** The payload of a compact JWS after its signature was checked against the peer id in `kid`; throws `bad-request`. */
export type VerifySigned = (jws: string, peer: string) => Promise<unknown>;
