/**
 * Notes that this machine can be reached from outside its network: somebody there has connected directly, past any router
 * and firewall. It costs nobody a dial, unlike a test that others make on request.
 */
import type { Libp2p } from '@libp2p/interface';
import { isPrivate } from '@libp2p/utils';
import type { Multiaddr } from '@multiformats/multiaddr';
import { subnetOf } from '../../../shared/subnet.ts';
import { hostOf } from './connection-limits.ts';
import { isRelayed } from './public-addresses.ts';

export class OutsideReach {
  readonly #own: () => readonly Multiaddr[];
  #isProven = false;

  /** `own`: the addresses of this machine. */
  constructor(own: () => readonly Multiaddr[]) {
    this.#own = own;
  }

  /** Since the start. */
  get isProven(): boolean {
    return this.#isProven;
  }

  watch(node: Libp2p): void {
    node.addEventListener('connection:open', ({ detail: { direction, remoteAddr } }) => {
      if (direction === 'inbound' && this.#isOutside(remoteAddr)) this.#isProven = true;
    });
  }

  /** A neighbor in the LAN has a public IPv6 address, too, but from the same subnet. */
  #isOutside(remote: Multiaddr): boolean {
    if (isRelayed(remote) || isPrivate(remote)) return false;
    const host = hostOf(remote.toString());
    if (host === null) return false;
    return !this.#own().some((address) => {
      const own = hostOf(address.toString());
      return own !== null && subnetOf(own) === subnetOf(host);
    });
  }
}
