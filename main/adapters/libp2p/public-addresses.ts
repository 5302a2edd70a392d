/** Filters addresses: strangers have no use for those of a LAN, learn about it from them, and could misuse them. */
import { peerIdFromString } from '@libp2p/peer-id';
import { isPrivate } from '@libp2p/utils';
import { CODE_P2P, type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { AppError } from '../../../shared/errors.ts';

/** `any` includes private addresses, for networks without public ones. */
export type AddressScope = 'public' | 'any';

/** Addresses of one peer that are stored or dialed. */
export const ADDRESSES_PER_PEER_MAX = 8;

const RELAYED = '/p2p-circuit';

/** Filters what is announced to other peers. */
export function announced(scope: AddressScope): (addresses: Multiaddr[]) => Multiaddr[] {
  return (addresses) => (scope === 'any' ? addresses : addresses.filter((address) => !isPrivate(address)));
}

export function isRelayed(address: Multiaddr | string): boolean {
  return address.toString().includes(RELAYED);
}

/** The peer ID of the relay over which the address leads; null for a direct one. */
export function relayOf(address: Multiaddr): string | null {
  return /\/p2p\/([^/]+)\/p2p-circuit/.exec(address.toString())?.[1] ?? null;
}

/** The address with the ID of its peer at its end. */
export function ofPeer(address: Multiaddr, peer: string): Multiaddr {
  return peerOf(address) === peer ? address : address.encapsulate(`/p2p/${peer}`);
}

/**
 * The addresses of a stranger's record that may be dialed: a record must not make this machine knock at its own LAN. A name
 * could resolve to anything, so it only counts with TLS.
 */
export function dialable(addresses: readonly Multiaddr[], scope: AddressScope): readonly Multiaddr[] {
  return addresses
    .filter((address) => scope === 'any' || (!isPrivate(address) && isUnambiguous(address.toString())))
    .slice(0, ADDRESSES_PER_PEER_MAX);
}

function isUnambiguous(address: string): boolean {
  return /^\/ip[46]\//.test(address) || /^\/dns[46]?\/[^/]+\/tcp\/\d+\/(?:wss|tls\/ws)\b/.test(address);
}

/** Reads a multiaddr to listen on or to announce. Fails with `bad-request`. */
export function plainAddress(text: string): Multiaddr {
  try {
    return multiaddr(text);
  } catch (cause) {
    throw new AppError(
      'bad-request',
      `Invalid address "${text}". Use a multiaddr, for example /ip4/203.0.113.5/tcp/4001.`,
      { cause },
    );
  }
}

/** Reads a multiaddr that ends with a peer ID. Fails with `bad-request`. */
export function namedAddress(text: string): Multiaddr {
  try {
    const address = multiaddr(text);
    peerIdFromString(peerOf(address));
    return address;
  } catch (cause) {
    throw new AppError(
      'bad-request',
      `Invalid address "${text}". Use a multiaddr with a peer ID, for example /ip4/203.0.113.5/tcp/4001/p2p/12D3Koo….`,
      { cause },
    );
  }
}

/** The peer at the end of an address, or the empty string. */
export function peerOf(address: Multiaddr): string {
  const last = address.getComponents().at(-1);
  return last?.code === CODE_P2P ? (last.value ?? '') : '';
}
