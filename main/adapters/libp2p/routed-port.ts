/**
 * The port of the router that leads to this machine: told by the router or, for a port that the owner had the router forward,
 * found out from what peers see. It is announced only once public nodes have reached this machine there.
 */
import type { IdentifyResult, Libp2p } from '@libp2p/interface';
import type { RoutedPort } from '../../ports/network.ts';
import type { AddressTests } from './address-tests.ts';
import { hostOf } from './connection-limits.ts';
import type { OwnAddresses } from './own-addresses.ts';
import { isRelayed } from './public-addresses.ts';

/** Peers, at different addresses, that have to see this machine at the same one. */
const PEERS_AGREEING = 2;
/** Peers whose reports are stored. */
const SIGHTS_MAX = 32;

export interface RoutedPortsParts {
  readonly own: () => OwnAddresses;
  readonly tests: AddressTests;
  /** TCP port that the owner has the router forward, the same on both; null: none. */
  readonly forwardedPort: number | null;
}

export class RoutedPorts {
  readonly #parts: RoutedPortsParts;
  /** The IPv4 address at which a peer sees this machine, by the peer's own. */
  readonly #sights = new Map<string, string>();
  #used: RoutedPort | null = null;

  constructor(parts: RoutedPortsParts) {
    this.#parts = parts;
  }

  use(port: RoutedPort | null): void {
    const { tests, own } = this.#parts;
    const { manager } = own();
    if (JSON.stringify(port) === JSON.stringify(this.#used)) return;
    if (this.#used !== null) manager.removePublicAddressMapping(...places(this.#used));
    this.#used = port;
    if (port !== null) manager.addPublicAddressMapping(...places(port));
    tests.changed();
  }

  /** Looks for the address of the forwarded port from now on, if there is one. */
  start(node: Libp2p): void {
    if (this.#parts.forwardedPort !== null) node.addEventListener('peer:identify', this.#look);
  }

  stop(node: Libp2p): void {
    node.removeEventListener('peer:identify', this.#look);
  }

  readonly #look = ({ detail: { observedAddr, connection } }: CustomEvent<IdentifyResult>): void => {
    const peer = hostOf(connection.remoteAddr.toString());
    const seen = /^\/ip4\/([^/]+)/.exec(observedAddr?.toString() ?? '')?.[1];
    // A stranger that connects could name any address.
    if (connection.direction !== 'outbound' || isRelayed(connection.remoteAddr)) return;
    if (peer === null || seen === undefined) return;
    this.#sights.delete(peer);
    this.#sights.set(peer, seen);
    const [oldest] = this.#sights.keys();
    if (this.#sights.size > SIGHTS_MAX && oldest !== undefined) this.#sights.delete(oldest);
    const agreeing = [...this.#sights.values()].filter((each) => each === seen).length;
    if (agreeing >= PEERS_AGREEING) this.#useForwarded(seen);
  };

  #useForwarded(externalHost: string): void {
    const { own, forwardedPort } = this.#parts;
    const listening = own()
      .listening()
      .find(({ port }) => port === forwardedPort);
    if (listening === undefined || listening.host === externalHost) return;
    const { host: internalHost, port } = listening;
    this.use({ internalHost, internalPort: port, externalHost, externalPort: port });
  }
}

function places({ internalHost, internalPort, externalHost, externalPort }: RoutedPort) {
  return [internalHost, internalPort, externalHost, externalPort, 'tcp'] as const;
}
