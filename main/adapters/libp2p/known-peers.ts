/** The peers that are connected or kept, with their addresses. */
import type { PeerInfo } from '../../ports/network.ts';

export class KnownPeers {
  readonly #peers = new Map<string, PeerInfo>();
  readonly #listeners = new Set<(peers: readonly PeerInfo[]) => void>();

  list(): readonly PeerInfo[] {
    return [...this.#peers.values()];
  }

  isConnected(peer: string): boolean {
    return this.#peers.get(peer)?.connected ?? false;
  }

  /** Adds the peer or changes what is known of it. */
  update(peer: string, patch: Partial<Omit<PeerInfo, 'peer'>>): void {
    const before = this.#peers.get(peer) ?? { peer, addresses: [], connected: false, source: 'address' };
    this.#peers.set(peer, { ...before, ...patch });
    this.#changed();
  }

  remove(peer: string): void {
    if (this.#peers.delete(peer)) this.#changed();
  }

  onChange(listener: (peers: readonly PeerInfo[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    const peers = this.list();
    for (const listener of this.#listeners) listener(peers);
  }
}
