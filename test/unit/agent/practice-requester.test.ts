/**
 * Verifies: the practice requester is restarted whenever it ends, unless it keeps failing, and learns its provider.
 * Setup: a real child process that prints READY and waits to be killed; a clock that the test moves.
 * Fails if: five failures over a long life stop the practice requester for good, a broken child is restarted forever, or
 * a child that was started before its provider doesn't receive its address.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startPracticeRequester } from '../../../main/agent/practice-requester.ts';
import { silentLog } from '../../../main/ports/log.ts';
import { forceUnwrap } from '../../../shared/assert.ts';
import type { AgentReady } from '../../../shared/host.ts';
import { READY_PREFIX } from '../../../shared/wire.ts';
import { manualClock } from '../../fakes/clock.ts';

const folder = mkdtempSync(join(tmpdir(), 'idlewatt-requester-'));
after(() => rmSync(folder, { recursive: true }));

const PROVIDER = { connect: '/ip4/127.0.0.1/tcp/4001/p2p/12D3KooW', rpcUrl: 'http://127.0.0.1:8545' };
const ENTRY = `
  const ready = { pid: process.pid, home: '/', profile: 'practice', page: null, gateway: null,
    peer: { id: 'peer', addresses: [] }, chain: null, requester: null };
  console.log(${JSON.stringify(READY_PREFIX)} + JSON.stringify(ready));
  setInterval(() => {}, 1000);
  process.on('disconnect', () => process.exit());
`;

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

function start(program = ENTRY, provider = Promise.resolve(PROVIDER)) {
  const entry = join(folder, 'requester.mjs');
  writeFileSync(entry, program);
  const clock = manualClock(0);
  let gaveUp = false;
  const requester = startPracticeRequester({
    entry,
    home: folder,
    provider,
    quiet: true,
    logLevel: 'info',
    clock,
    log: silentLog,
    onGaveUp: () => {
      gaveUp = true;
    },
  });
  async function ready(): Promise<AgentReady> {
    for (;;) {
      const now = requester.ready();
      if (now !== null) return now;
      await pause();
    }
  }
  async function kill(): Promise<void> {
    process.kill((await ready()).pid, 'SIGKILL');
    while (requester.ready() !== null) await pause();
  }
  return { requester, clock, ready, kill, gaveUp: () => gaveUp };
}

test('restarts a process any number of times if it stays up for a minute in between', async () => {
  const { requester, clock, ready, kill, gaveUp } = start();
  for (let death = 1; death <= 7; death += 1) {
    await ready();
    clock.advance(60_000);
    await kill();
    clock.advance(1_000);
  }
  await ready();
  assert.equal(gaveUp(), false);
  await requester.stop();
});

test('gives up a process that never stays up for a minute', async () => {
  const { requester, clock, kill, gaveUp } = start();
  for (let death = 1; death <= 6; death += 1) {
    assert.equal(gaveUp(), false);
    await kill();
    clock.advance(30_000);
  }
  assert.equal(gaveUp(), true);
  await requester.stop();
});

test('does not restart a process that refuses its first start, and passes on the reason', async () => {
  const starts = join(folder, 'starts');
  const { requester, clock } = start(`
    import { appendFileSync } from 'node:fs';
    appendFileSync(${JSON.stringify(starts)}, 'started ');
    process.send({ type: 'failed', message: 'Port 1 is in use.', code: 'port-in-use' }, () => process.exit(1));
  `);
  await assert.rejects(requester.started, { code: 'port-in-use', message: 'Port 1 is in use.' });
  clock.advance(60_000);
  await requester.stop();
  assert.equal(readFileSync(starts, 'utf8'), 'started ');
});

test('tells every process its provider once that is known, however often it was restarted before', async () => {
  const provider = Promise.withResolvers<typeof PROVIDER>();
  const starts = join(folder, 'waiting');
  const { requester, clock, ready, kill } = start(
    `
    import { appendFileSync } from 'node:fs';
    appendFileSync(${JSON.stringify(starts)}, process.pid + ' ');
    process.on('message', ({ type, connect, rpcUrl }) => {
      const ready = { pid: process.pid, home: rpcUrl, profile: 'practice', page: null, gateway: null,
        peer: { id: type, addresses: [connect] }, chain: null, requester: null };
      console.log(${JSON.stringify(READY_PREFIX)} + JSON.stringify(ready));
    });
    process.on('disconnect', () => process.exit());
  `,
    provider.promise,
  );
  const pids = () =>
    existsSync(starts) ? (readFileSync(starts, 'utf8').match(/\d+(?= )/g) ?? []).map(Number) : [];
  const started = async (count: number) => {
    while (pids().length < count) await pause();
  };
  await started(1);
  const first = forceUnwrap('the first process has started', pids()[0]);
  process.kill(first, 'SIGKILL');
  while (isAlive(first)) await pause();
  while (pids().length < 2) {
    clock.advance(1_000);
    await pause();
  }
  assert.equal(requester.ready(), null);
  provider.resolve(PROVIDER);
  for (let life = 1; life <= 2; life += 1) {
    const { home, peer } = await ready();
    assert.deepEqual(
      { type: peer.id, connect: peer.addresses[0], rpcUrl: home },
      { type: 'provider', ...PROVIDER },
    );
    if (life === 1) {
      await kill();
      clock.advance(2_000);
    }
  }
  await requester.stop();
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
