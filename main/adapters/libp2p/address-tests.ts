/**
 * The asking side of AutoNAT version 2: has public nodes connect to the addresses at which this machine could be reached, and
 * announces those at which two of them did. An answer counts only if the node has connected.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import type { AddressManager, AddressType } from '@libp2p/interface-internal';
import { isPrivate, lpStream } from '@libp2p/utils';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { DIAL_BACK_PROTOCOL, DIAL_REQUEST_PROTOCOL } from '../../../shared/wire.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { AddressTest } from '../../ports/network.ts';
import { hostOf } from './connection-limits.ts';
import { CountsWithin } from './counts-within.ts';
import {
  DIAL,
  MESSAGE_BYTES_MAX,
  NONCE_TAKEN,
  RESPONSE,
  readNonce,
  readResponse,
  writeRequest,
} from './dial-messages.ts';
import { type AddressScope, isRelayed } from './public-addresses.ts';

/** Nodes, at different addresses, that have to agree. */
export const NODES_AGREEING = 2;
/** Nodes whose results for one address are fresh at the same time. */
const NODES_ASKED_MAX = 3;
/** Time for which a result is fresh. */
const ASK_AGAIN_MS = 30 * 60_000;
/** The same for the first one other than `reached`: packets get lost, and an owner may be setting up the router. */
const ASK_AGAIN_SOON_MS = 30_000;
/** A result without a newer one is forgotten after this long. */
const RESULT_MS_MAX = 2 * ASK_AGAIN_MS;
export const ASKS_PER_HOUR = 12;
/** A machine with IPv6 may have many addresses. */
const ADDRESSES_MAX = 3;
const ASK_MS_MAX = 20_000;
const CHECK_EVERY_MS = 15_000;
/** Several events within this time cause one check. */
const SETTLE_MS = 500;

/** One node's result for one address; null while it has none, because it refused or failed. */
interface Vote {
  readonly isReached: boolean | null;
  readonly atMs: number;
  /** Results in a row other than `reached`. */
  readonly failures: number;
}

interface Pending {
  readonly server: string;
  isDialed: boolean;
}

export interface AddressTestsParts {
  readonly clock: Clock;
  readonly log: Log | null;
  readonly scope: AddressScope;
  readonly manager: () => AddressManager;
  /** Called when a result has changed. */
  readonly onResult: () => void;
}

export class AddressTests {
  readonly #parts: AddressTestsParts;
  readonly #hourly: CountsWithin;
  /** By address, then by the host of the asked node. */
  readonly #votes = new Map<string, Map<string, Vote>>();
  readonly #settled = new Map<string, AddressTest['result']>();
  readonly #pending = new Map<bigint, Pending>();
  #node: Libp2p | null = null;
  #timers: Timer[] = [];
  #soon: Timer | null = null;
  #isChecking = false;

  constructor(parts: AddressTestsParts) {
    this.#parts = parts;
    this.#hourly = new CountsWithin(parts.clock, 3_600_000, { max: ASKS_PER_HOUR });
  }

  start(node: Libp2p): void {
    this.#node = node;
    void node.handle(DIAL_BACK_PROTOCOL, (stream, connection) => this.#take(stream, connection), {
      maxInboundStreams: 2,
    });
    node.addEventListener('peer:identify', this.#checkSoon);
    node.addEventListener('self:peer:update', this.#checkSoon);
    this.#timers = [this.#parts.clock.every(CHECK_EVERY_MS, this.#checkSoon)];
  }

  stop(): void {
    this.#node?.removeEventListener('peer:identify', this.#checkSoon);
    this.#node?.removeEventListener('self:peer:update', this.#checkSoon);
    this.#node = null;
    for (const timer of this.#timers) timer.cancel();
    this.#soon?.cancel();
  }

  /** To be called when this machine may have another address. */
  changed(): void {
    this.#checkSoon();
  }

  /** The addresses that can be tested, each with its result. */
  list(): readonly AddressTest[] {
    return this.#candidates().map(({ address, kind }) => ({
      address,
      kind,
      result: this.#settled.get(address) ?? 'untested',
    }));
  }

  readonly #checkSoon = (): void => {
    this.#soon ??= this.#parts.clock.after(SETTLE_MS, () => {
      this.#soon = null;
      return this.#check();
    });
  };

  async #check(): Promise<void> {
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      const candidates = this.#candidates().map(({ address }) => address);
      this.#forget(candidates);
      for (const address of candidates) {
        for (const connection of await this.#servers()) await this.#askOnce(address, connection);
        this.#settle(address);
      }
    } finally {
      this.#isChecking = false;
    }
  }

  #forget(candidates: readonly string[]): void {
    for (const address of this.#votes.keys()) {
      if (candidates.includes(address)) continue;
      this.#votes.delete(address);
      this.#settled.delete(address);
    }
  }

  async #askOnce(address: string, connection: Connection): Promise<void> {
    const votes = this.#votesOf(address);
    const server = hostOf(connection.remoteAddr.toString());
    const nowMs = this.#parts.clock.monotonic();
    const recent = [...votes].filter(([, vote]) => nowMs - vote.atMs < freshMs(vote));
    if (server === null || recent.some(([host]) => host === server)) return;
    if (recent.length >= NODES_ASKED_MAX || this.#isAgreed(recent.map(([, vote]) => vote))) return;
    if (this.#hourly.isFull('')) return;
    this.#hourly.add('');
    const isReached = await this.#ask(address, server, connection);
    const failures = isReached === true ? 0 : (votes.get(server)?.failures ?? 0) + 1;
    votes.delete(server);
    votes.set(server, { isReached, atMs: this.#parts.clock.monotonic(), failures });
    this.#parts.log?.debug('A public node tested an address', { address, server, isReached });
  }

  #isAgreed(votes: readonly Vote[]): boolean {
    const count = (wanted: boolean) => votes.filter(({ isReached }) => isReached === wanted).length;
    return count(true) >= NODES_AGREEING || count(false) >= NODES_AGREEING;
  }

  #settle(address: string): void {
    const nowMs = this.#parts.clock.monotonic();
    const votes = this.#votesOf(address);
    for (const [server, { atMs }] of votes) if (nowMs - atMs > RESULT_MS_MAX) votes.delete(server);
    const count = (wanted: boolean) => [...votes.values()].filter((vote) => vote.isReached === wanted).length;
    // The newest results win once a second node agrees; until then, the last result stays.
    const last = this.#settled.get(address) ?? 'untested';
    const result = decide(count(true), count(false)) ?? (votes.size === 0 ? 'untested' : last);
    if (result === last) return;
    this.#settled.set(address, result);
    this.#parts.log?.info('Public nodes tested an address of this machine', { address, result });
    const manager = this.#parts.manager();
    if (result === 'reached') manager.confirmObservedAddr(multiaddr(address));
    else manager.removeObservedAddr(multiaddr(address));
    this.#parts.onResult();
  }

  #votesOf(address: string): Map<string, Vote> {
    const known = this.#votes.get(address);
    if (known) return known;
    const made = new Map<string, Vote>();
    this.#votes.set(address, made);
    return made;
  }

  /** Null if the node gives no result. */
  async #ask(address: string, server: string, connection: Connection): Promise<boolean | null> {
    const signal = AbortSignal.timeout(ASK_MS_MAX);
    const nonce = crypto.getRandomValues(new BigUint64Array(1))[0] ?? 0n;
    const pending = { server: connection.remotePeer.toString(), isDialed: false };
    this.#pending.set(nonce, pending);
    try {
      const stream = await connection.newStream(DIAL_REQUEST_PROTOCOL, { signal });
      const messages = lpStream(stream, { maxDataLength: MESSAGE_BYTES_MAX });
      await messages.write(writeRequest({ addresses: [multiaddr(address).bytes], nonce }), { signal });
      // A node that wants data first, as others do for another address than its visitor's, gets none.
      const response = readResponse((await messages.read({ signal })).subarray());
      stream.close({ signal }).catch((cause: Error) => stream.abort(cause));
      if (response === null || response.status !== RESPONSE.ok) return null;
      if (response.dial === DIAL.ok) return pending.isDialed ? true : null;
      return response.dial === DIAL.error ? false : null;
    } catch (cause) {
      this.#parts.log?.debug('A public node tested no address', { server, cause: String(cause) });
      return null;
    } finally {
      this.#pending.delete(nonce);
    }
  }

  /** Takes the nonce with which a node shows that it has connected: only on a new connection of its own. */
  async #take(stream: Stream, { direction, remoteAddr, remotePeer }: Connection): Promise<void> {
    const signal = AbortSignal.timeout(ASK_MS_MAX);
    try {
      const messages = lpStream(stream, { maxDataLength: MESSAGE_BYTES_MAX });
      const pending = this.#pending.get(readNonce((await messages.read({ signal })).subarray()));
      if (!pending || pending.server !== remotePeer.toString()) throw new Error('nobody asked for this');
      if (direction !== 'inbound' || isRelayed(remoteAddr)) throw new Error('this shows nothing');
      pending.isDialed = true;
      await messages.write(NONCE_TAKEN, { signal });
      await stream.close({ signal });
    } catch (cause) {
      stream.abort(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  #candidates(): readonly Pick<AddressTest, 'address' | 'kind'>[] {
    const found = new Map<string, AddressTest['kind']>();
    for (const { multiaddr: address, type } of this.#parts.manager().getAddressesWithMetadata()) {
      const kind = kindOf(address, type);
      const text = /^\/ip[46]\/[^/]+\/tcp\/\d+/.exec(address.toString())?.[0];
      if (kind === null || text === undefined || (this.#parts.scope === 'public' && isPrivate(address))) {
        continue;
      }
      if (found.size < ADDRESSES_MAX && !found.has(text)) found.set(text, kind);
    }
    return [...found].map(([address, kind]) => ({ address, kind }));
  }

  /** Connections to nodes that this machine dialed itself, one for each of their addresses. */
  async #servers(): Promise<readonly Connection[]> {
    const node = this.#node;
    const found = new Map<string, Connection>();
    for (const connection of node?.getConnections() ?? []) {
      const { direction, status, remoteAddr, remotePeer } = connection;
      const host = hostOf(remoteAddr.toString());
      if (direction !== 'outbound' || status !== 'open' || host === null || found.has(host)) continue;
      const known = await node?.peerStore.get(remotePeer).catch(() => null);
      if (known?.protocols.includes(DIAL_REQUEST_PROTOCOL)) found.set(host, connection);
    }
    return [...found.values()];
  }
}

function freshMs({ failures }: Vote): number {
  return failures === 0 ? ASK_AGAIN_MS : Math.min(ASK_AGAIN_MS, ASK_AGAIN_SOON_MS * 4 ** (failures - 1));
}

function decide(reached: number, unreached: number): AddressTest['result'] | null {
  if (reached >= NODES_AGREEING) return 'reached';
  return unreached >= NODES_AGREEING ? 'unreached' : null;
}

/** Null for an address that isn't tested: of a relay, of another transport, or one that a peer has only seen. */
function kindOf(address: Multiaddr, type: AddressType): AddressTest['kind'] | null {
  const isPlain = /^\/ip[46]\/[^/]+\/tcp\/\d+(?:\/p2p\/[^/]+)?$/.test(address.toString());
  if (!isPlain) return null;
  if (type === 'ip-mapping') return 'mapped';
  if (type === 'announce') return 'named';
  return type === 'transport' ? 'own' : null;
}
