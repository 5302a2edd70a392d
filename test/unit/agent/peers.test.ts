/**
 * Verifies: a named peer that is still starting is redialed, and one that never responds fails the start.
 * Setup: a network whose connections the test lets fail, and a clock that advances with each attempt.
 * Fails if: the first failure ends the start, or an unreachable peer is redialed forever.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectPatiently } from '../../../main/agent/peers.ts';
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
