/**
 * Verifies: a peer is reported when it sends nothing to a waiting request, and a connection whose other end doesn't answer a
 * test is first left aside and then cut, while one that answers late stays.
 * Setup: the real classes with a manual clock; connections are fakes whose answer the test gives.
 * Fails if: a silence goes unnoticed, idle peers cost tests, a slow connection is cut, or a dead one stays, also
 * after its peer has connected again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { Connection, Libp2p, Stream } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { Liveness } from '../../../main/adapters/libp2p/liveness.ts';
import { SilentPeers } from '../../../main/adapters/libp2p/silent-peers.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

/** An open connection, and how its other end answers. */
function connect() {
  const { promise, resolve, reject } = Promise.withResolvers<Stream>();
  const seen = { tests: 0, status: 'open' };
  const connection = {
    remoteAddr: multiaddr('/ip4/45.0.0.1/tcp/1'),
    get status() {
      return seen.status;
    },
    newStream(_protocol: string, { signal }: { signal: AbortSignal }) {
      seen.tests += 1;
      signal.addEventListener('abort', () => reject(signal.reason));
      return promise;
    },
    abort() {
      seen.status = 'aborted';
    },
  } as unknown as Connection;
  return { connection, seen, accept: () => resolve({ abort() {} } as unknown as Stream), refuse: reject };
}

function setUp() {
  const clock = manualClock(0);
  return { clock, liveness: new Liveness(clock, createRecordingLog()), ...connect() };
}

test('leaves a connection aside after a second without an answer, and cuts it after ten', async () => {
  const { clock, liveness, connection, seen } = setUp();
  assert.equal(await liveness.isTrusted(connection), true);
  liveness.test(connection);
  liveness.test(connection);
  assert.equal(seen.tests, 1);
  const isTrusted = liveness.isTrusted(connection);
  clock.advance(1_000);
  assert.equal(await isTrusted, false);
  clock.advance(8_999);
  await turn();
  assert.equal(seen.status, 'open');
  clock.advance(1);
  await turn();
  assert.equal(seen.status, 'aborted');
});

test('trusts a connection again that answers late', async () => {
  const { clock, liveness, connection, seen, accept } = setUp();
  liveness.test(connection);
  clock.advance(5_000);
  assert.equal(await liveness.isTrusted(connection), false);
  accept();
  await turn();
  assert.equal(await liveness.isTrusted(connection), true);
  clock.advance(60_000);
  assert.equal(seen.status, 'open');
});

test('takes a refusal for an answer', async () => {
  const { clock, liveness, connection, seen, refuse } = setUp();
  liveness.test(connection);
  refuse(new Error('unsupported protocol'));
  await turn();
  assert.equal(await liveness.isTrusted(connection), true);
  clock.advance(60_000);
  assert.equal(seen.status, 'open');
});

test('tests the older inbound connections of a peer that connects once more', () => {
  const { liveness } = setUp();
  const inbound = (id: string) => {
    const { connection, seen } = connect();
    return { connection: Object.assign(connection, { id, direction: 'inbound' }), seen };
  };
  const [older, newer] = [inbound('older'), inbound('newer')];
  const node = Object.assign(new EventTarget(), {
    getConnections: () => [older.connection, newer.connection],
  });
  liveness.watch(node as unknown as Libp2p);
  node.dispatchEvent(new CustomEvent('connection:open', { detail: newer.connection }));
  assert.deepEqual([older.seen.tests, newer.seen.tests], [1, 0]);
});

test('reports a peer a second after its last byte, again every ten seconds, and not while no request waits', () => {
  const clock = manualClock(0);
  const reports: string[] = [];
  const silent = new SilentPeers(clock, (peer) => reports.push(`${peer} ${clock.monotonic()}`));
  clock.advance(60_000);
  const ends = [silent.begin('a'), silent.begin('a')];
  clock.advance(900);
  silent.heard('a');
  clock.advance(900);
  assert.deepEqual(reports, []);
  clock.advance(10_700);
  assert.deepEqual(reports, ['a 62000', 'a 72000']);
  ends[0]?.();
  ends[0]?.();
  clock.advance(10_000);
  assert.equal(reports.length, 3);
  ends[1]?.();
  clock.advance(60_000);
  assert.equal(reports.length, 3);
});
