/** This machine's own addresses, also those that are not announced to strangers. */
import type { AddressManager } from '@libp2p/interface-internal';
import type { MulticastDNSComponents } from '@libp2p/mdns';
import type { Multiaddr } from '@multiformats/multiaddr';
import { isRelayed, ofPeer } from './public-addresses.ts';
import { replacing } from './replacing.ts';

interface Components {
  readonly addressManager: AddressManager;
}

/** A service of the node, through which libp2p hands over its address manager. */
export class OwnAddresses {
  readonly #components: Components;

  constructor(components: Components) {
    this.#components = components;
  }

  get manager(): AddressManager {
    return this.#components.addressManager;
  }

  /** IPv4 addresses on which this machine listens for TCP, without loopback: host and port. */
  listening(): readonly { readonly host: string; readonly port: number }[] {
    return this.manager.getAddressesWithMetadata().flatMap(({ multiaddr, type }) => {
      const plain = /^\/ip4\/(?!127\.)([^/]+)\/tcp\/(\d+)(?:\/p2p\/[^/]+)?$/.exec(multiaddr.toString());
      return type === 'transport' && plain?.[1] ? [{ host: plain[1], port: Number(plain[2]) }] : [];
    });
  }

  /** With the peer ID; those that could be verified, or need not be. */
  all(peer: string): readonly Multiaddr[] {
    return this.#components.addressManager
      .getAddressesWithMetadata()
      .filter(({ verified }) => verified)
      .map(({ multiaddr }) => ofPeer(multiaddr, peer));
  }
}

/** Lets mDNS announce the addresses of the LAN, which the announcement to strangers leaves out. */
export function lanAddresses(components: MulticastDNSComponents, peer: string): MulticastDNSComponents {
  const own = new OwnAddresses(components);
  const getAddresses = () => own.all(peer).filter((address) => !isRelayed(address));
  return replacing(
    components,
    'addressManager',
    replacing(components.addressManager, 'getAddresses', getAddresses),
  );
}
