/**
 * The asked side of AutoNAT version 2, for public nodes: connects to an address of a machine that wants to know whether it is
 * reached there. libp2p's own server dials any address; here a stranger can only make this node dial the stranger's own IP
 * address, so it can neither be sent against others nor send more than it gets.
 */
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { isPrivate, lpStream } from '@libp2p/utils';
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr';
import { subnetOf } from '../../../shared/subnet.ts';
import { DIAL_BACK_PROTOCOL, DIAL_REQUEST_PROTOCOL } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { hostOf } from './connection-limits.ts';
import { CountsWithin } from './counts-within.ts';
import {
  DIAL,
  MESSAGE_BYTES_MAX,
  RESPONSE,
  readRequest,
  writeNonce,
  writeResponse,
} from './dial-messages.ts';
import { type AddressScope, ofPeer, peerOf } from './public-addresses.ts';

/** A machine asks about a few addresses, each twice per hour. */
export const ASKS_PER_PEER_AND_HOUR = 12;
export const ASKS_PER_SUBNET_AND_HOUR = 60;
export const ASKS_PER_MINUTE = 120;
const DIALS_AT_A_TIME_MAX = 16;
/** Peers and subnets that are counted. */
const COUNTED_MAX = 20_000;
/** Neighbors behind the same address have services below it that nobody should be made to knock at. */
const PORT_MIN = 1_024;
const DIAL_MS_MAX = 5_000;
const REQUEST_MS_MAX = 15_000;
const HOUR_MS = 3_600_000;

export interface DialBackOptions {
  readonly scope: AddressScope;
  readonly clock: Clock;
  readonly log: Log | null;
}

export class DialBack {
  readonly #scope: AddressScope;
  readonly #log: Log | null;
  readonly #perPeer: CountsWithin;
  readonly #perSubnet: CountsWithin;
  readonly #perMinute: CountsWithin;
  #node: Libp2p | null = null;
  #dialing = 0;
  #dialed = 0;

  constructor({ scope, clock, log }: DialBackOptions) {
    this.#scope = scope;
    this.#log = log;
    this.#perPeer = new CountsWithin(clock, HOUR_MS, { max: ASKS_PER_PEER_AND_HOUR, namesMax: COUNTED_MAX });
    this.#perSubnet = new CountsWithin(clock, HOUR_MS, {
      max: ASKS_PER_SUBNET_AND_HOUR,
      namesMax: COUNTED_MAX,
    });
    this.#perMinute = new CountsWithin(clock, 60_000, { max: ASKS_PER_MINUTE });
  }

  /** Addresses that were dialed since the start. */
  get dialed(): number {
    return this.#dialed;
  }

  watch(node: Libp2p): void {
    this.#node = node;
    void node.handle(DIAL_REQUEST_PROTOCOL, (stream, connection) => this.#serve(stream, connection), {
      maxInboundStreams: 2,
    });
  }

  async #serve(stream: Stream, connection: Connection): Promise<void> {
    const signal = AbortSignal.timeout(REQUEST_MS_MAX);
    try {
      const messages = lpStream(stream, { maxDataLength: MESSAGE_BYTES_MAX });
      const answer = await this.#answer(connection, async () => (await messages.read({ signal })).subarray());
      await messages.write(writeResponse(answer), { signal });
      await stream.close({ signal });
    } catch (cause) {
      this.#log?.debug('A question about an address was not answered', { cause: String(cause) });
      stream.abort(cause instanceof Error ? cause : new Error(String(cause)));
    }
  }

  async #answer(connection: Connection, read: () => Promise<Uint8Array>) {
    const host = hostOf(connection.remoteAddr.toString());
    const none = { index: 0, dial: DIAL.unused };
    if (host === null || !this.#admits(connection.remotePeer.toString(), subnetOf(host))) {
      return { status: RESPONSE.rejected, ...none };
    }
    const request = readRequest(await read());
    if (request === null) throw new Error('this is no question');
    const addresses = request.addresses.map(parsed);
    const index = addresses.findIndex(
      (address) => address !== null && this.#isOwn(address, connection, host),
    );
    const address = addresses[index];
    if (!address) return { status: RESPONSE.refused, ...none };
    const dial = await this.#dial(ofPeer(address, connection.remotePeer.toString()), request.nonce);
    return { status: RESPONSE.ok, index, dial };
  }

  /** Counts the question if it is within all limits. */
  #admits(peer: string, subnet: string): boolean {
    const isFull =
      this.#dialing >= DIALS_AT_A_TIME_MAX ||
      this.#perPeer.isFull(peer) ||
      this.#perSubnet.isFull(subnet) ||
      this.#perMinute.isFull('');
    if (isFull) return false;
    this.#perPeer.add(peer);
    this.#perSubnet.add(subnet);
    this.#perMinute.add('');
    return true;
  }

  /** The address is plain TCP at the host from which its peer is connected. */
  #isOwn(address: Multiaddr, { remotePeer }: Connection, host: string): boolean {
    const named = peerOf(address);
    if (named !== '' && named !== remotePeer.toString()) return false;
    const plain = /^(\/ip[46]\/[^/]+)\/tcp\/(\d+)(?:\/p2p\/[^/]+)?$/.exec(address.toString());
    if (plain === null || hostOf(`${plain[1]}/`) !== host || Number(plain[2]) < PORT_MIN) return false;
    return this.#scope === 'any' || !isPrivate(address);
  }

  /** Dials on a connection of its own: only a new one shows that the address is open. */
  async #dial(address: Multiaddr, nonce: bigint): Promise<number> {
    this.#dialing += 1;
    this.#dialed += 1;
    const signal = AbortSignal.timeout(DIAL_MS_MAX);
    let connection: Connection | null = null;
    try {
      connection = (await this.#node?.dial(address, { signal, force: true })) ?? null;
      if (connection === null) return DIAL.error;
      const stream = await connection.newStream(DIAL_BACK_PROTOCOL, { signal });
      const messages = lpStream(stream, { maxDataLength: MESSAGE_BYTES_MAX });
      await messages.write(writeNonce(nonce), { signal });
      await messages.read({ signal });
      await connection.close({ signal });
      return DIAL.ok;
    } catch {
      connection?.abort(new Error('the address was only tested'));
      return connection === null ? DIAL.error : DIAL.backError;
    } finally {
      this.#dialing -= 1;
    }
  }
}

function parsed(bytes: Uint8Array): Multiaddr | null {
  try {
    return multiaddr(bytes);
  } catch {
    return null;
  }
}
