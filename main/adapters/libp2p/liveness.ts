/**
 * Notices that the other end of a connection is gone although nobody closed it: a relay whose line was cut, a router that
 * restarted. libp2p's own pings are rare, since each costs a stream. Here a connection is tested while somebody waits for it.
 */
import type { Connection, Libp2p } from '@libp2p/interface';
import { UNHANDLED_PROTOCOL } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

/** Time without an answer to a test after which new requests take another way; the connection is left alone. */
const DOUBT_MS = 1_000;
/** Time without an answer after which the connection is cut: TCP has sent a lost packet four times within it. */
const DEAD_MS = 10_000;

interface Test {
  /** Resolves to true when the other end answers, and to false when it hasn't within {@link DOUBT_MS}. */
  readonly isPrompt: Promise<boolean>;
}

export class Liveness {
  readonly #clock: Clock;
  readonly #log: Log | null;
  readonly #tests = new Map<Connection, Test>();

  constructor(clock: Clock, log: Log | null) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Tests the connection, unless it is being tested, and cuts it if its other end doesn't answer. */
  test(connection: Connection): void {
    if (connection.status !== 'open' || this.#tests.has(connection)) return;
    const { promise: isPrompt, resolve } = Promise.withResolvers<boolean>();
    const doubt = this.#clock.after(DOUBT_MS, () => resolve(false));
    this.#tests.set(connection, { isPrompt });
    void this.#answers(connection).then((isAlive) => {
      doubt.cancel();
      this.#tests.delete(connection);
      resolve(isAlive);
      if (isAlive || connection.status !== 'open') return;
      this.#log?.info('A connection was cut because its other end doesn’t answer', {
        address: connection.remoteAddr.toString(),
      });
      connection.abort(new Error('the other end does not answer'));
    });
  }

  /** Resolves to false while the other end of a tested connection owes an answer. */
  async isTrusted(connection: Connection): Promise<boolean> {
    return (await this.#tests.get(connection)?.isPrompt) ?? true;
  }

  /** Tests the older connections of a peer that connects once more: it may have lost them without a trace. */
  watch(node: Libp2p): void {
    node.addEventListener('connection:open', ({ detail: { remotePeer, direction, id } }) => {
      if (direction !== 'inbound') return;
      for (const older of node.getConnections(remotePeer)) {
        if (older.id !== id && older.direction === 'inbound') this.test(older);
      }
    });
  }

  async #answers(connection: Connection): Promise<boolean> {
    const dead = new AbortController();
    const timer = this.#clock.after(DEAD_MS, () => dead.abort());
    try {
      const options = { signal: dead.signal, runOnLimitedConnection: true };
      const stream = await connection.newStream(UNHANDLED_PROTOCOL, options);
      stream.abort(new Error('it was only a test'));
      return true;
    } catch {
      return !dead.signal.aborted;
    } finally {
      timer.cancel();
    }
  }
}
