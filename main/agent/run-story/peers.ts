/** Logs which peers connect and leave. */
import type { Log } from '../../ports/log.ts';
import type { Network, PeerInfo } from '../../ports/network.ts';
import { shortId } from './text.ts';

export function logPeers(log: Log, network: Pick<Network, 'onPeers' | 'peers'>): () => void {
  let connected = new Map<string, PeerInfo>();
  const compare = (peers: readonly PeerInfo[]) => {
    const now = new Map(peers.filter((peer) => peer.connected).map((peer) => [peer.peer, peer]));
    for (const [id, { source }] of now) {
      if (!connected.has(id)) log.info('Peer connected', { peer: shortId(id), source, peers: now.size });
    }
    for (const id of connected.keys()) {
      if (!now.has(id)) log.info('Peer disconnected', { peer: shortId(id), peers: now.size });
    }
    connected = now;
  };
  compare(network.peers());
  return network.onPeers(compare);
}
