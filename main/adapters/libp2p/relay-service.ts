/**
 * The relay of a public node, made for streams of tokens: unlimited in time, with its own limits for what one peer and one
 * subnet may take. libp2p's relay counts nothing and has one limit for all.
 */
import {
  type CircuitRelayServerInit,
  type CircuitRelayService,
  RELAY_V2_HOP_CODEC,
  RELAY_V2_STOP_CODEC,
} from '@libp2p/circuit-relay-v2';
import type { Connection, ConnectionGater, Libp2p, PeerId, Stream } from '@libp2p/interface';
import { subnetOf } from '../../../shared/subnet.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RelayCounts, RelayLimits, RelayMeter } from '../../ports/network.ts';
import { hostOf } from './connection-limits.ts';
import { countStream } from './counted-stream.ts';
import { createRenewals } from './renewals.ts';

/** Each relayed connection is one stream to the peer that has a place. */
const RELAYED_PER_PEER_MAX = 128;
const HOUR_MS = 3_600_000;
/** Peers whose bytes are counted; the ones that sent nothing for the longest time are forgotten first. */
const COUNTED_PEERS_MAX = 20_000;

export const RELAY_LIMITS: RelayLimits = {
  places: 512,
  placesPerSubnet: 64,
  placeMs: 2 * HOUR_MS,
  // Text at 50 tokens/s is about 40 MB per hour.
  bytesPerPeerAndHour: 1024 ** 3,
};

export interface RelayService {
  readonly server: CircuitRelayServerInit;
  readonly gater: ConnectionGater;
  /** To be called for each stream of the node. */
  trackStream(stream: Stream): void;
  watch(node: Libp2p, service: CircuitRelayService): void;
  counts(): RelayCounts;
  stop(): void;
}

/** `meter`: of a relay that charges the peers that have places; null: everything is free. */
export function createRelayService(
  limits: RelayLimits,
  {
    clock,
    log,
    meter,
  }: { readonly clock: Clock; readonly log: Log | null; readonly meter: RelayMeter | null },
): RelayService {
  const renewals = createRenewals(clock);
  const bytes = new HourlyBytes(clock, limits.bytesPerPeerAndHour);
  let watched: { readonly node: Libp2p; readonly service: CircuitRelayService } | null = null;
  const total = { relayedBytes: 0, refused: 0 };

  function refuse(reason: string, peer: PeerId): true {
    total.refused += 1;
    log?.debug('The relay refused a peer', { reason, peer: peer.toString() });
    return true;
  }

  function denyPlace(peer: PeerId): boolean {
    if (watched === null || bytes.isExceeded(peer.toString())) return refuse('bytes', peer);
    const { node, service } = watched;
    const known = service.reservations.get(peer);
    if (known !== undefined) {
      renewals.repair(known.signal);
      return false;
    }
    const subnet = subnetOfPeer(node.getConnections(peer));
    const others = [...service.reservations.values()].filter(
      ({ addr }) => subnetOfAddress(addr.toString()) === subnet,
    );
    return others.length >= limits.placesPerSubnet && refuse('subnet', peer);
  }

  function count(connection: Connection, stream: Stream, length: number): void {
    total.relayedBytes += length;
    const peer = connection.remotePeer.toString();
    if (!bytes.add(peer, length)) return;
    total.refused += 1;
    log?.info('A peer sent more through this relay than it may per hour', { peer });
    stream.abort(new Error('more bytes than this relay forwards per hour'));
  }

  /** Both directions of a connection count for the peer that has the place; this is the stream to that peer. */
  function isPaidFor(connection: Connection, stream: Stream, length: number): boolean {
    if (meter === null || stream.protocol !== RELAY_V2_STOP_CODEC) return true;
    const peer = connection.remotePeer.toString();
    if (meter.take(peer, length)) return true;
    total.refused += 1;
    log?.debug('A peer has used up its allowance at this relay', { peer });
    stream.abort(new Error('the allowance at this relay is used up'));
    return false;
  }

  return {
    server: {
      maxInboundHopStreams: RELAYED_PER_PEER_MAX,
      maxOutboundStopStreams: RELAYED_PER_PEER_MAX,
      reservations: {
        maxReservations: limits.places,
        reservationTtl: limits.placeMs,
        applyDefaultLimit: false,
      },
    },
    gater: {
      denyInboundRelayReservation: denyPlace,
      denyOutboundRelayedConnection: (from, to) =>
        (bytes.isExceeded(from.toString()) && refuse('bytes', from)) ||
        (bytes.isExceeded(to.toString()) && refuse('bytes', to)) ||
        (meter !== null && !meter.mayUse(to.toString()) && refuse('unpaid', to)),
    },
    trackStream(stream) {
      if (stream.protocol !== RELAY_V2_HOP_CODEC && stream.protocol !== RELAY_V2_STOP_CODEC) return;
      let connection: Connection | undefined;
      countStream(stream, (length, direction) => {
        connection ??= watched?.node.getConnections().find(({ streams }) => streams.includes(stream));
        if (connection === undefined) return true;
        if (!isPaidFor(connection, stream, length)) return false;
        // What arrives on one stream is sent on the other one, and counts once.
        if (direction === 'in') count(connection, stream, length);
        return true;
      });
    },
    watch(node, service) {
      watched = { node, service };
    },
    counts: () => ({ ...total, places: watched?.service.reservations.size ?? 0 }),
    stop: () => renewals.stop(),
  };
}

function subnetOfPeer(connections: readonly Connection[]): string | null {
  const [first] = connections;
  return first === undefined ? null : subnetOfAddress(first.remoteAddr.toString());
}

function subnetOfAddress(address: string): string | null {
  const host = hostOf(address);
  return host === null ? null : subnetOf(host);
}

/** Bytes that each peer sent within the current hour of the clock that never jumps. */
class HourlyBytes {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #sent = new Map<string, number>();
  #hour = 0;

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  isExceeded(peer: string): boolean {
    this.#startHour();
    return (this.#sent.get(peer) ?? 0) > this.#max;
  }

  /** Returns true if the peer has now sent too much. */
  add(peer: string, length: number): boolean {
    this.#startHour();
    const sent = (this.#sent.get(peer) ?? 0) + length;
    this.#sent.delete(peer);
    this.#sent.set(peer, sent);
    const [oldest] = this.#sent.keys();
    if (this.#sent.size > COUNTED_PEERS_MAX && oldest !== undefined) this.#sent.delete(oldest);
    return sent > this.#max;
  }

  #startHour(): void {
    const hour = Math.floor(this.#clock.monotonic() / HOUR_MS);
    if (hour === this.#hour) return;
    this.#hour = hour;
    this.#sent.clear();
  }
}
