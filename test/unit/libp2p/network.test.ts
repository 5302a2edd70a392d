/**
 * Verifies: ports, lost connections and forgotten peers behave as the Network port requires, not by libp2p's defaults.
 * Setup: real nodes on loopback, redials by a clock that the test moves.
 * Fails if: peers stay disconnected after a restart, a start fails without its reason.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createNetwork } from '../../../main/adapters/libp2p/index.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import type { Network } from '../../../main/ports/network.ts';
import { isAppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';

const folders: string[] = [];
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'idlewatt-libp2p-'));
  folders.push(made);
  return made;
}
after(() => {
  for (const each of folders) rmSync(each, { recursive: true, force: true });
});

const connected = (network: Network) => network.peers().filter((peer) => peer.connected).length;
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describe('libp2p network', () => {
  it('fails with port-in-use if the port is taken', async () => {
    const first = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
    await first.start();
    const listen = (first.addresses()[0] ?? '').replace(/\/p2p\/.*/, '');
    const second = await createNetwork({
      folder: folder(),
      clock: systemClock,
      mdns: false,
      listen: [listen],
    });
    await assert.rejects(second.start(), (error) => isAppError(error, 'port-in-use'));
    await first.stop();
  });

  it('listens only on loopback by default', async () => {
    const network = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
    await network.start();
    assert.ok(network.addresses().length > 0);
    assert.ok(network.addresses().every((address) => address.startsWith('/ip4/127.0.0.1/tcp/')));
    await network.stop();
  });

  it('reconnects to a kept peer that restarts', async () => {
    const clock = manualClock(0);
    const home = folder();
    const first = await createNetwork({ folder: home, clock: systemClock, mdns: false });
    await first.start();
    const address = first.addresses()[0] ?? '';
    const listen = [address.replace(/\/p2p\/.*/, '')];
    const client = await createNetwork({ folder: folder(), clock, mdns: false });
    await client.start();
    await client.connect(address);
    await first.stop();
    await until(() => connected(client) === 0);
    assert.equal(client.peers().length, 1, 'the peer is still known');
    const again = await createNetwork({ folder: home, clock: systemClock, mdns: false, listen });
    await again.start();
    clock.advance(1_000);
    await until(() => connected(client) === 1);
    await client.stop();
    await again.stop();
  });

  it('forgets a disconnected peer that had dialed this one', async () => {
    const server = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
    const client = await createNetwork({ folder: folder(), clock: systemClock, mdns: false });
    await server.start();
    await client.start();
    await client.connect(server.addresses()[0] ?? '');
    await until(() => connected(server) === 1);
    await client.stop();
    await until(() => server.peers().length === 0);
    await server.stop();
  });
});
