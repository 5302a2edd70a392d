/**
 * Verifies: a relay that charges asks its meter before it passes on each piece of a relayed connection, in both directions, cuts
 * the stream at a refusal, and connects nobody to a machine that has to pay first.
 * Setup: the relay's service alone, with streams and connections that the test plays.
 * Fails if: a piece is passed on after a refusal, a direction isn't counted, a piece counts twice or for the other peer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CircuitRelayService, RELAY_V2_HOP_CODEC, RELAY_V2_STOP_CODEC } from '@libp2p/circuit-relay-v2';
import type { Libp2p, PeerId, Stream } from '@libp2p/interface';
import { createRelayService, RELAY_LIMITS } from '../../../main/adapters/libp2p/relay-service.ts';
import type { RelayMeter } from '../../../main/ports/network.ts';
import { manualClock } from '../../fakes/clock.ts';

/** A peer's stream that notes what is passed on. */
function fakeStream(protocol: string) {
  const target = new EventTarget();
  const seen: string[] = [];
  target.addEventListener('message', () => seen.push('in'));
  const stream = Object.assign(target, {
    protocol,
    send: () => seen.push('out') > 0,
    abort: () => void seen.push('aborted'),
  });
  const arrive = (length: number) =>
    stream.dispatchEvent(Object.assign(new Event('message'), { data: new Uint8Array(length) }));
  return { stream: stream as unknown as Stream, seen, arrive };
}

function setUp(meter: RelayMeter) {
  const relay = createRelayService(RELAY_LIMITS, { clock: manualClock(0), log: null, meter });
  const machine = fakeStream(RELAY_V2_STOP_CODEC);
  const requester = fakeStream(RELAY_V2_HOP_CODEC);
  const connections = [
    { remotePeer: 'machine', streams: [machine.stream] },
    { remotePeer: 'requester', streams: [requester.stream] },
  ];
  const service = { reservations: new Map() } as unknown as CircuitRelayService;
  relay.watch({ getConnections: () => connections } as unknown as Libp2p, service);
  for (const { stream } of [machine, requester]) relay.trackStream(stream);
  return { relay, machine, requester };
}

test('both directions count for the machine with the place, before they are passed on', () => {
  const taken: [string, number][] = [];
  const { relay, machine, requester } = setUp({
    take: (...given) => taken.push(given) > 0,
    mayUse: () => true,
  });
  requester.arrive(70);
  machine.stream.send(new Uint8Array(70));
  machine.arrive(30);
  requester.stream.send(new Uint8Array(30));
  assert.deepEqual(taken, [
    ['machine', 70],
    ['machine', 30],
  ]);
  assert.deepEqual(
    [machine.seen, requester.seen],
    [
      ['out', 'in'],
      ['in', 'out'],
    ],
  );
  assert.equal(relay.counts().relayedBytes, 100);
});

test('a piece that isn’t paid for ends the stream and is not passed on', () => {
  const take = (_peer: string, bytes: number) => bytes > 50;
  const { relay, machine } = setUp({ take, mayUse: () => true });
  machine.arrive(60);
  machine.arrive(40);
  machine.stream.send(new Uint8Array(1));
  assert.deepEqual(machine.seen, ['in', 'aborted', 'aborted']);
  assert.equal(relay.counts().refused, 2);
});

test('nobody is connected to a machine that has to pay first', () => {
  const { relay } = setUp({ take: () => true, mayUse: (peer) => peer !== 'machine' });
  const isDenied = (from: string, to: string) =>
    relay.gater.denyOutboundRelayedConnection?.(from as unknown as PeerId, to as unknown as PeerId);
  assert.deepEqual(
    [isDenied('requester', 'machine'), isDenied('requester', 'other'), isDenied('machine', 'other')],
    [true, false, false],
  );
});
