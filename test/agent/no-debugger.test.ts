/**
 * Verifies: SIGUSR1, which opens a debugger in a Node process, opens none in the agent, the requester or the engine.
 * Setup: the real practice network, started without any flag of Node; every process of it gets the signal.
 * Fails if: one of them opens a port, ends, or is started without the flag by its parent.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants, startPractice, temporaryHome } from './practice-agent.ts';

const LISTENING = '0A';

/** Ports on which a process listens. */
function portsOf(pid: number): number[] {
  const sockets = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((file) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${file}`))?.[1] ?? [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTENING && sockets.has(inode ?? ''))
    .map(([, address]) => Number.parseInt(address?.split(':')[1] ?? '', 16));
}

// The first start may download a model.
test('no process opens a debugger', { skip: process.platform !== 'linux', timeout: 360_000 }, async () => {
  const home = temporaryHome();
  const practice = await startPractice(home.path);
  const { agent } = practice;
  const { requester } = agent.ready;
  try {
    assert.ok(requester);
    const [engine = 0] = descendants(agent.ready.pid, 'engine-process');
    for (const pid of [agent.ready.pid, requester.pid, engine]) {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      if (pid !== agent.ready.pid) assert.ok(command.includes('--disable-sigusr1'), command.join(' '));
      const before = portsOf(pid);
      process.kill(pid, 'SIGUSR1');
      // A debugger opens its port within milliseconds.
      await sleep(500);
      assert.deepEqual(portsOf(pid), before);
    }
    assert.doesNotMatch(agent.stderr(), /Debugger listening/);
  } finally {
    assert.equal(await practice.close(), 0);
    home.remove();
  }
});
