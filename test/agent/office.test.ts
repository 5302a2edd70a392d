/**
 * Goal: two machines of one office find each other without being told an address.
 * Method: two real agents with the profile `office` in a network of their own (a namespace with one made-up
 * interface, since that profile listens beyond loopback), found over mDNS; the one's gateway then lists what
 * the other sells. Nothing is bought: the profile's chain is a public test network, out of reach here, and a
 * purchase says so.
 * Would break: mDNS that announces or hears nothing, an offer that another agent's gateway does not take, an
 * agent that does not start while its chain is away, or a balance that is shown as 0 when it is unknown.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const PAIR = join(import.meta.dirname, 'office-pair.ts');
const LAN = 'ip link set lo up && ip link add lan0 type veth peer name lan1 && ip link set lan1 up';
const UP = 'ip addr add 10.99.0.1/24 dev lan0 && ip link set lan0 up && ip route add 224.0.0.0/4 dev lan0';
/** Root needs no user namespace to make a network; anybody else does. */
const AS_ROOT = process.getuid?.() === 0 ? [] : ['--map-root-user'];

test('an office agent finds its neighbour over mDNS and lists what it sells', async () => {
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['--net', ...AS_ROOT, 'sh', '-c', `${LAN} && ${UP} && exec "$0" "$1"`, process.execPath, PAIR],
    { timeout: 120_000 },
  );
  const seen = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
  assert.deepEqual(seen.models, ['smollm2-135m-instruct']);
  assert.equal(seen.source, 'mdns');
  assert.equal(seen.tokenBalance, null, 'unknown, not 0');
  assert.equal(seen.purchase.status, 503);
  assert.equal(seen.purchase.code, 'chain-unavailable');
});
