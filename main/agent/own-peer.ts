/**
 * Lets the practice network's owner buy from their own provider. libp2p never dials its own peer, so requests to it are
 * passed to the provider's app in this process; offer, payment channel, receipt and ledger are those of any purchase.
 */
import type { Network } from '../ports/network.ts';

/** The part of the provider's app that is called. */
interface OwnProvider {
  fetch(request: Request): Response | Promise<Response>;
}

/** The network with this machine as one more connected peer. */
export function withOwnPeer(network: Network, app: OwnProvider): Network {
  const own = network.key.peer;
  return {
    ...network,
    peers: () => [
      ...network.peers(),
      { peer: own, addresses: [...network.addresses()], connected: true, source: 'address' },
    ],
    async fetch(peer, path, init) {
      if (peer !== own) return network.fetch(peer, path, init);
      const headers = new Headers(init.headers);
      headers.set('x-peer-id', own);
      return app.fetch(new Request(`http://peer.invalid${path}`, { ...init, headers }));
    },
  };
}
