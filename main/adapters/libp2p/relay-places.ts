/**
 * Reserves places at relays, so that peers reach a machine behind a router. libp2p's own search takes any relay that it
 * meets, walks through the DHT without a pause while it has too few, and doesn't return to one that was away: the choice
 * and the retries are here.
 */
import {
  type CircuitRelayTransportComponents,
  circuitRelayTransport,
  RELAY_V2_HOP_CODEC,
  RELAY_V2_STOP_CODEC,
} from '@libp2p/circuit-relay-v2';
import type {
  Connection,
  Libp2p,
  PeerId,
  StreamHandler,
  StreamHandlerOptions,
  Transport,
} from '@libp2p/interface';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RelayChoice, RelayCost, Relays } from '../../ports/network.ts';
import { countStream } from './counted-stream.ts';
import { HTTP_PROTOCOL } from './http-streams.ts';
import { isRelayed } from './public-addresses.ts';
import { replacing } from './replacing.ts';

/** Relays at which this machine has a place at the same time: when one goes away, the other is already known to peers. */
export const RELAYS_WANTED = 2;
/** Listening on it reserves a place at any relay that is added. */
export const PLACE_AT_A_RELAY = '/p2p-circuit';
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 300_000;
/** Relays whose refusals are remembered. */
const REFUSALS_MAX = 256;
/** For relays whose refusal has ended meanwhile, and in case an event was missed. */
const CHECK_EVERY_MS = 60_000;
/** Relayed connections of this machine; each is one stream of its relay. */
const RELAYED_CONNECTIONS_MAX = 256;

/** The public part of libp2p's reservations that its exported type leaves out. */
interface Reservations {
  addRelay(peer: PeerId, type: 'discovered'): Promise<unknown>;
  hasReservation(peer: PeerId): boolean;
  reservationCount(): number;
}

interface Refusal {
  count: number;
  retryAtMs: number;
}

/** A relay at which this machine may ask for a place. */
interface Candidate {
  readonly relay: PeerId;
  /** It serves HTTP, by which it could be paid. */
  readonly mayCharge: boolean;
}

export class RelayPlaces implements Relays {
  readonly #clock: Clock;
  readonly #log: Log | null;
  readonly #refusals = new Map<string, Refusal>();
  #reservations: Reservations | null = null;
  #node: Libp2p | null = null;
  #timer: Timer | null = null;
  #isReserving = false;
  #isDue = false;
  #choice: RelayChoice | null = null;

  constructor(clock: Clock, log: Log | null) {
    this.#clock = clock;
    this.#log = log;
  }

  /** For the node's options. */
  readonly transport = (components: CircuitRelayTransportComponents): Transport => {
    const transport = circuitRelayTransport({
      // One relay that doesn't answer must not hold up the others.
      reservationConcurrency: RELAYS_WANTED * 4,
      discoveryFilter: NO_RELAY,
      maxInboundStopStreams: RELAYED_CONNECTIONS_MAX,
      maxOutboundStopStreams: RELAYED_CONNECTIONS_MAX,
    })(this.#counted(withoutSearch(components)));
    this.#reservations = (transport as unknown as { reservationStore: Reservations }).reservationStore;
    return transport;
  };

  /** Starts to reserve places at relays to which this node has connected. */
  start(node: Libp2p): void {
    this.#node = node;
    node.addEventListener('peer:identify', this.#fill);
    node.addEventListener('connection:close', this.#fill);
    this.#timer = this.#clock.every(CHECK_EVERY_MS, this.#fill);
  }

  /** Connections to the relays at which this machine has a place. */
  connections(): readonly Connection[] {
    const found = new Map<string, Connection>();
    for (const connection of this.#node?.getConnections() ?? []) {
      const { remotePeer, remoteAddr } = connection;
      if (isRelayed(remoteAddr) || !this.#reservations?.hasReservation(remotePeer)) continue;
      if (!found.has(remotePeer.toString())) found.set(remotePeer.toString(), connection);
    }
    return [...found.values()];
  }

  choose(choice: RelayChoice): void {
    this.#choice = choice;
    this.#fill();
  }

  leave(relay: string): void {
    for (const connection of this.#node?.getConnections() ?? []) {
      if (connection.remotePeer.toString() !== relay) continue;
      void connection.close().catch((error: Error) => connection.abort(error));
    }
  }

  costOf(relay: string): RelayCost | null {
    return this.#choice?.costOf(relay) ?? null;
  }

  stop(): void {
    this.#node?.removeEventListener('peer:identify', this.#fill);
    this.#node?.removeEventListener('connection:close', this.#fill);
    this.#node = null;
    this.#timer?.cancel();
  }

  readonly #fill = (): void => {
    void this.#reserve();
  };

  /** An event during a round begins another one: a relay may have connected after its candidates were read. */
  async #reserve(): Promise<void> {
    this.#isDue = true;
    if (this.#isReserving) return;
    this.#isReserving = true;
    try {
      while (this.#isDue) {
        this.#isDue = false;
        await this.#reserveRound();
      }
    } finally {
      this.#isReserving = false;
    }
  }

  async #reserveRound(): Promise<void> {
    const candidates = await this.#candidates();
    const free = candidates.filter(({ mayCharge }) => !mayCharge);
    await this.#reserveAtAll(free.map(({ relay }) => relay));
    if (this.#isFull()) return;
    await this.#reserveAtAll(await this.#byPrice(candidates.filter(({ mayCharge }) => mayCharge)));
  }

  async #reserveAtAll(relays: readonly PeerId[]): Promise<void> {
    for (const relay of relays) {
      if (this.#reservations === null || this.#isFull()) return;
      await this.#reserveAt(relay, this.#reservations);
    }
  }

  #isFull(): boolean {
    return this.#reservations === null || this.#reservations.reservationCount() >= RELAYS_WANTED;
  }

  /** Those that are chosen, the cheapest first. */
  async #byPrice(candidates: readonly Candidate[]): Promise<readonly PeerId[]> {
    const choice = this.#choice;
    if (choice === null) return [];
    const priced = await Promise.all(
      candidates.map(async ({ relay }) => ({ relay, price: await choice.priceOf(relay.toString()) })),
    );
    return priced
      .flatMap(({ relay, price }) => (price === null ? [] : [{ relay, price }]))
      .sort((left, right) => (left.price < right.price ? -1 : Number(left.price > right.price)))
      .map(({ relay }) => relay);
  }

  /** Counts the streams on which relays bring connections. */
  #counted(components: CircuitRelayTransportComponents): CircuitRelayTransportComponents {
    const { registrar } = components;
    const handle = (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) =>
      registrar.handle(
        protocol,
        protocol !== RELAY_V2_STOP_CODEC
          ? handler
          : (stream, connection) => {
              const relay = connection.remotePeer.toString();
              countStream(stream, (length) => {
                this.#choice?.count(relay, length);
                return true;
              });
              return handler(stream, connection);
            },
        options,
      );
    return replacing(components, 'registrar', replacing(registrar, 'handle', handle));
  }

  async #reserveAt(relay: PeerId, reservations: Reservations): Promise<void> {
    const peer = relay.toString();
    try {
      await reservations.addRelay(relay, 'discovered');
      this.#refusals.delete(peer);
      this.#log?.info('A relay reserved a place for this machine', { relay: peer });
    } catch (cause) {
      const count = (this.#refusals.get(peer)?.count ?? 0) + 1;
      const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(count - 1, 20));
      this.#refusals.delete(peer);
      this.#refusals.set(peer, { count, retryAtMs: this.#clock.monotonic() + waitMs });
      for (const oldest of this.#refusals.keys()) {
        if (this.#refusals.size <= REFUSALS_MAX) break;
        this.#refusals.delete(oldest);
      }
      this.#clock.after(waitMs, this.#fill);
      this.#log?.debug('A relay reserved no place', { relay: peer, waitMs, cause: String(cause) });
    }
  }

  /**
   * Relays without a place of this machine that it dialed itself: a stranger that connects could otherwise become its only
   * way to others.
   */
  async #candidates(): Promise<readonly Candidate[]> {
    const node = this.#node;
    if (node === null) return [];
    const nowMs = this.#clock.monotonic();
    const found: Candidate[] = [];
    for (const { remotePeer, remoteAddr, direction, status } of node.getConnections()) {
      if (direction !== 'outbound' || status !== 'open' || isRelayed(remoteAddr)) continue;
      if (found.some(({ relay }) => relay.equals(remotePeer))) continue;
      if (this.#reservations?.hasReservation(remotePeer)) continue;
      if ((this.#refusals.get(remotePeer.toString())?.retryAtMs ?? 0) > nowMs) continue;
      const known = await node.peerStore.get(remotePeer).catch(() => null);
      if (!known?.protocols.includes(RELAY_V2_HOP_CODEC)) continue;
      found.push({ relay: remotePeer, mayCharge: known.protocols.includes(HTTP_PROTOCOL) });
    }
    return found;
  }
}

/** Leaves out every relay that connects: the transport would ask it for a place. */
const NO_RELAY = { has: () => true, add: () => undefined, remove: () => undefined };

/**
 * Keeps the choice here. The transport's search begins in the peer store: where that fails, it ends before it dials anybody.
 * It also asks for a place at any peer over which somebody connects, and each time adds a listener that it never removes.
 */
function withoutSearch(components: CircuitRelayTransportComponents): CircuitRelayTransportComponents {
  const { peerStore, transportManager } = components;
  const refuse = async () => {
    throw new Error('relays are chosen elsewhere');
  };
  const unsearchable = replacing(components, 'peerStore', replacing(peerStore, 'all', refuse));
  return replacing(unsearchable, 'transportManager', replacing(transportManager, 'listen', refuse));
}
