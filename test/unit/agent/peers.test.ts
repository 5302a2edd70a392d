/**
 * Verifies: a named peer that is still starting is redialed, and one that never responds fails the start; the agent starts
 *   although another program uses the forwarded port of the settings.
 * Setup: a network whose connections the test lets fail, and a clock that advances with each attempt; a real network and
 *   a port that is taken.
 * Fails if: the first failure ends the start, an unreachable peer is redialed forever, or an owner who chose a port that is
 *   taken can't start Idlewatt any more.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createNetwork } from '../../../main/adapters/libp2p/index.ts';
import { connectPatiently, startListening } from '../../../main/agent/peers.ts';
import { systemClock } from '../../../main/ports/clock.ts';
import { silentLog } from '../../../main/ports/log.ts';
import type { Network } from '../../../main/ports/network.ts';
import { AppError } from '../../../shared/errors.ts';
import { manualClock } from '../../fakes/clock.ts';

function connect(failures: number) {
  const clock = manualClock(0);
  let attempts = 0;
  const network = {
    async connect() {
      attempts += 1;
      clock.advance(20_000);
      if (attempts <= failures) throw new AppError('peer-unreachable', 'No response.');
      return 'peer';
    },
  } as Partial<Network> as Network;
  const connected = connectPatiently({ clock, log: silentLog }, network, '/ip4/127.0.0.1/tcp/1');
  return { connected, attempts: () => attempts };
}

test('redials a peer that is still starting', async () => {
  const { connected, attempts } = connect(1);
  await connected;
  assert.equal(attempts(), 2);
});

test('gives up after 30 s', async () => {
  const { connected, attempts } = connect(9);
  await assert.rejects(connected, { code: 'peer-unreachable' });
  assert.equal(attempts(), 2);
});

test('a taken port of the settings leaves the usual one, and is not announced; one of the command line fails', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-peers-'));
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const addresses = {
    listen: [`/ip4/127.0.0.1/tcp/${port}`],
    announce: [`/ip4/203.0.113.5/tcp/${port}`],
    otherwise: ['/ip4/127.0.0.1/tcp/0'],
  };
  const announced: (readonly string[])[] = [];
  const start = (otherwise: readonly string[] | null) =>
    startListening({ ...addresses, otherwise }, silentLog, (listen, announce) => {
      announced.push(announce);
      return createNetwork({ folder, listen, clock: systemClock, mdns: false, log: silentLog });
    });
  try {
    await assert.rejects(start(null), { code: 'port-in-use' });
    const network = await start(addresses.otherwise);
    assert.deepEqual(
      [...network.addresses()].map((address) => address.includes(`/tcp/${port}/`)),
      [false],
    );
    assert.deepEqual(announced.at(-1), []);
    await network.stop();
  } finally {
    other.close();
    rmSync(folder, { recursive: true });
  }
});
