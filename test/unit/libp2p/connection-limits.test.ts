/**
 * Verifies: connections are counted by address and subnet from their first byte to their end, in any order.
 * Setup: the limits alone with connections that tests open and close; a property over random sequences.
 * Fails if: an address or subnet holds more than its share, a place is lost when a connection ends, or another spelling
 * of an address counts as another one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MultiaddrConnection } from '@libp2p/interface';
import fc from 'fast-check';
import {
  CONNECTIONS_PER_ADDRESS_MAX,
  CONNECTIONS_PER_SUBNET_MAX,
  createConnectionLimits,
} from '../../../main/adapters/libp2p/connection-limits.ts';
import { subnetOf } from '../../../shared/subnet.ts';

function open(limits: ReturnType<typeof createConnectionLimits>, host: string) {
  const connection = Object.assign(new EventTarget(), {
    remoteAddr: { toString: () => `/ip${host.includes(':') ? 6 : 4}/${host}/tcp/4000` },
  });
  const isDenied = limits.gater.denyInboundConnection?.(connection as unknown as MultiaddrConnection);
  return { host, isAdmitted: isDenied === false, close: () => connection.dispatchEvent(new Event('close')) };
}

test('an address and a subnet never hold more than their share, and places come back', () => {
  const host = fc.tuple(fc.nat(1), fc.nat(3)).map(([net, last]) => `45.0.${net}.${last + 1}`);
  const step = fc.oneof({ weight: 3, arbitrary: host }, { weight: 1, arbitrary: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { minLength: 300, maxLength: 600, size: 'max' }), (steps) => {
      const limits = createConnectionLimits(null);
      const held: ReturnType<typeof open>[] = [];
      const count = (isSame: (host: string) => boolean) => held.filter((each) => isSame(each.host)).length;
      for (const each of steps) {
        if (typeof each === 'number') {
          held.splice(each % Math.max(1, held.length), 1)[0]?.close();
          continue;
        }
        const isFree =
          count((other) => other === each) < CONNECTIONS_PER_ADDRESS_MAX &&
          count((other) => subnetOf(other) === subnetOf(each)) < CONNECTIONS_PER_SUBNET_MAX;
        const opened = open(limits, each);
        assert.equal(opened.isAdmitted, isFree);
        if (opened.isAdmitted) held.push(opened);
      }
    }),
    { numRuns: 20 },
  );
});

test('a subnet is the /24 of IPv4 and the /48 of IPv6, however it is written', () => {
  const examples = [
    ['45.0.1.2', '45.0.1'],
    ['::ffff:45.0.1.2', '45.0.1'],
    ['2001:db8:1:2::3', '2001:db8:1'],
    ['2001:0db8:0001:ffff:0:0:0:3', '2001:db8:1'],
    ['2001:db8::1', '2001:db8:0'],
    ['::1', '0:0:0'],
    ['fe80::1', 'fe80:0:0'],
  ] as const;
  for (const [host, subnet] of examples) assert.equal(subnetOf(host), subnet, host);
});
