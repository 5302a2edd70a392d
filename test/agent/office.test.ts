/**
 * Verifies: two machines in one office find each other without a configured address.
 * Setup: two real agents with the profile `office` in a network of their own (a namespace with one virtual
 * interface, since that profile listens beyond loopback), found over mDNS; one agent's gateway then lists what the
 * other one sells. Nothing is bought: the profile's chain is a public test network that is unreachable here, and a
 * purchase fails with that reason.
 * Fails if: mDNS announces or finds nothing, a gateway rejects another agent's offer, an agent does not start while
 * its chain is unavailable, an unknown balance is shown as 0.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';

const PAIR = join(import.meta.dirname, 'office-pair.ts');
const LAN = 'ip link set lo up && ip link add lan0 type veth peer name lan1 && ip link set lan1 up';
const UP = 'ip addr add 10.99.0.1/24 dev lan0 && ip link set lan0 up && ip route add 224.0.0.0/4 dev lan0';
/** Root can create a network without a user namespace; other users cannot. */
const AS_ROOT = process.getuid?.() === 0 ? [] : ['--map-root-user'];

test('an office agent finds its neighbor over mDNS and lists its models', async () => {
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', ...AS_ROOT, 'sh', '-c', `${LAN} && ${UP} && exec "$0" "$1"`, process.execPath, PAIR],
    { timeout: 120_000 },
  );
  const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  assert.deepEqual(seen.models, [TINY_MODEL_ID]);
  assert.equal(seen.source, 'mdns');
  assert.equal(seen.tokenBalance, null, 'unknown, not 0');
  assert.equal(seen.purchase.status, 503);
  assert.equal(seen.purchase.code, 'chain-unavailable');
});
