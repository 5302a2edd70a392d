/**
 * Verifies: the router leads a port here only while the owner allows it, for an hour at a time, and only if that can help.
 * Setup: the opening alone with a router that the test plays, and a clock that the test moves.
 * Fails if: a port stays open after the owner's no or a stop, a mapping ends without being asked for again, a router on the
 * internet is asked, the address of another private network is announced, or a router that refuses is asked without a pause.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isPrivateIpv4, isPublicIpv4 } from '../../../main/core/network/ip-ranges.ts';
import {
  LIFETIME_MS,
  PortOpening,
  RENEW_MS_MAX,
  RETRY_MS_MAX,
  RETRY_MS_MIN,
} from '../../../main/core/network/port-opening.ts';
import type { RoutedPort } from '../../../main/ports/network.ts';
import type { MappingRefusal, MappingRequest, PortMapping } from '../../../main/ports/port-mapper.ts';
import { manualClock } from '../../fakes/clock.ts';
import { createRecordingLog } from '../../fakes/log.ts';

const ROUTER = '192.168.1.1';
type Answer = Partial<PortMapping> | MappingRefusal;

function setUp(given: { router?: string | null; listenPort?: number | null } = {}) {
  const { router = ROUTER, listenPort = 4_001 } = given;
  const clock = manualClock(0);
  const asked: MappingRequest[] = [];
  const removed: number[] = [];
  const used: (RoutedPort | null)[] = [];
  let answer: Answer | Promise<Answer> = {};
  const mapper = {
    async map(request: MappingRequest): Promise<PortMapping | MappingRefusal> {
      asked.push(request);
      const now = await answer;
      if (typeof now === 'string') return now;
      const { internalPort, lifetimeMs } = request;
      return {
        ...{ by: 'upnp', router: ROUTER, internalHost: '192.168.1.2', internalPort, lifetimeMs },
        ...{ externalHost: '45.0.0.101', externalPort: internalPort },
        remove: async () => void removed.push(internalPort),
        ...now,
      };
    },
  };
  const opening = new PortOpening({
    ...{ mapper, clock, log: createRecordingLog(), onChange: () => undefined },
    router: async () => router,
    market: { listenPort: () => listenPort, usePort: (port) => void used.push(port) },
  });
  const settle = async () => {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  };
  const advance = async (durationMs: number) => {
    for (let ms = 0; ms < durationMs; ms += 30_000) {
      clock.advance(30_000);
      await settle();
    }
  };
  const allow = async (isAllowed: boolean) => {
    opening.allow(isAllowed);
    await settle();
  };
  const answerWith = (next: Answer | Promise<Answer>) => {
    answer = next;
  };
  return { opening, asked, removed, used, allow, advance, settle, answerWith };
}

test('asks nobody until the owner allows it', async () => {
  const { opening, asked, allow, advance } = setUp();
  await advance(RETRY_MS_MAX);
  await allow(false);
  assert.deepEqual([asked.length, opening.state().state], [0, 'off']);
});

test('opens the port for an hour and asks again well before its end', async () => {
  const { opening, asked, used, allow, advance } = setUp();
  await allow(true);
  assert.deepEqual(asked, [{ router: ROUTER, internalPort: 4_001, lifetimeMs: LIFETIME_MS }]);
  assert.deepEqual(opening.state(), { state: 'open', by: 'upnp', port: 4_001 });
  assert.deepEqual(used.at(-1), {
    ...{ internalHost: '192.168.1.2', internalPort: 4_001 },
    ...{ externalHost: '45.0.0.101', externalPort: 4_001 },
  });
  await advance(RENEW_MS_MAX);
  assert.equal(asked.length, 2);
});

test('removes the mapping when the owner takes the permission back, and when it stops', async () => {
  const { opening, removed, used, allow, asked, advance } = setUp();
  await allow(true);
  await allow(false);
  assert.deepEqual([removed, used.at(-1), opening.state().state], [[4_001], null, 'off']);
  await advance(RETRY_MS_MAX);
  assert.equal(asked.length, 1);
  await allow(true);
  await opening.stop();
  assert.equal(removed.length, 2);
});

test('removes a mapping that comes after the permission was taken back', async () => {
  const { opening, removed, used, allow, settle, answerWith } = setUp();
  const late = Promise.withResolvers<Answer>();
  answerWith(late.promise);
  await allow(true);
  assert.equal(opening.state().state, 'asking');
  await allow(false);
  late.resolve({});
  await settle();
  assert.deepEqual(removed, [4_001]);
  assert.ok(used.every((port) => port === null));
});

test('asks no router outside private networks, and none without a port here', async () => {
  for (const router of [null, '45.0.0.1', '100.64.0.1', 'router', '::1', '127.0.0.1']) {
    const { opening, asked, allow } = setUp({ router });
    await allow(true);
    assert.deepEqual([asked.length, opening.state().state], [0, 'no-router'], String(router));
  }
  const { asked, allow } = setUp({ listenPort: null });
  await allow(true);
  assert.equal(asked.length, 0);
});

test('removes the port at a router that has no public address itself, or that makes no sense', async () => {
  const bad: readonly (readonly [Partial<PortMapping>, string])[] = [
    [{ externalHost: '192.168.0.7' }, 'no-public-address'],
    [{ externalHost: '100.64.3.4' }, 'no-public-address'],
    [{ externalHost: null }, 'no-public-address'],
    [{ externalHost: 'http://x' }, 'no-public-address'],
    [{ externalPort: 0 }, 'invalid'],
    [{ externalPort: 70_000 }, 'invalid'],
    [{ lifetimeMs: 0 }, 'invalid'],
  ];
  for (const [answer, state] of bad) {
    const { opening, removed, used, allow, answerWith } = setUp();
    answerWith(answer);
    await allow(true);
    assert.deepEqual([opening.state().state, removed.length], [state, 1]);
    assert.deepEqual(used, [null]);
  }
});

test('asks a router that refuses again after growing pauses', async () => {
  const { opening, asked, allow, advance, answerWith } = setUp();
  answerWith('refused');
  await allow(true);
  assert.equal(opening.state().state, 'refused');
  await advance(RETRY_MS_MIN);
  assert.equal(asked.length, 2);
  await advance(24 * RETRY_MS_MAX);
  assert.ok(asked.length < 30, `${asked.length} times in a day`);
  answerWith({});
  await advance(RETRY_MS_MAX);
  assert.equal(opening.state().state, 'open');
});

test('keeps a mapping that can’t be renewed until its end', async () => {
  const { opening, used, allow, advance, answerWith } = setUp();
  await allow(true);
  answerWith('no-router');
  await advance(LIFETIME_MS / 2);
  assert.equal(opening.state().state, 'open');
  await advance(2 * LIFETIME_MS);
  assert.deepEqual([opening.state().state, used.at(-1)], ['no-router', null]);
});

test('an address is never both of a home and of the internet', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (host) => {
      assert.ok(!(isPrivateIpv4(host) && isPublicIpv4(host)));
    }),
  );
  assert.ok(isPublicIpv4('45.0.0.1') && isPublicIpv4('172.32.0.1') && isPrivateIpv4('172.31.0.1'));
  for (const host of ['0.0.0.0', '127.0.0.1', '169.254.1.1', '224.0.0.1', '255.255.255.255', '2a00::1']) {
    assert.ok(!isPublicIpv4(host), host);
  }
});
