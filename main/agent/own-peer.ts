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
      return buffered(await app.fetch(new Request(`http://peer.invalid${path}`, { ...init, headers })));
    },
  };
}

/** Chunks of a body that are on their way, as in the buffers of a connection. */
const CHUNKS_ON_THE_WAY = 16;

/**
 * Takes the body as a connection does, ahead of the reader: the requester stops reading after the receipt, and the
 * provider concludes a job when the end of its response is taken.
 */
function buffered(response: Response): Response {
  if (response.body === null) return response;
  const room = { highWaterMark: CHUNKS_ON_THE_WAY };
  return new Response(response.body.pipeThrough(new TransformStream({}, room, room)), response);
}
