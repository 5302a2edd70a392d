/**
 * Verifies: SIGUSR1, which opens a debugger in a Node process, opens none in the agent, the requester or the engine, and
 * none of them can leave a core file.
 * Setup: the real practice network, started without any flag of Node; every process of it gets the signal.
 * Fails if: one of them opens a port, ends, or is started without the flag by its parent.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { descendants, startPractice, temporaryHome } from './practice-agent.ts';

/** As /proc/net/tcp writes them: the state, and port 9229. */
const LISTENING = '0A';
const DEBUGGER_PORT = ':240D';

/** Returns true if any process listens on the port that a debugger takes. */
function isDebuggerPortOpen(): boolean {
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some(([, address, , state]) => state === LISTENING && address?.endsWith(DEBUGGER_PORT));
}

// The first start may download a model.
test('no process opens a debugger or leaves a core file', {
  skip: process.platform !== 'linux',
  timeout: 360_000,
}, async () => {
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
      assert.match(readFileSync(`/proc/${pid}/limits`, 'utf8'), /Max core file size +0 +0 /, 'core files');
      process.kill(pid, 'SIGUSR1');
      // A debugger opens its port within milliseconds.
      await sleep(500);
      assert.equal(isDebuggerPortOpen(), false, command.join(' '));
    }
    assert.doesNotMatch(agent.stderr(), /Debugger listening/);
  } finally {
    assert.equal(await practice.close(), 0);
    home.remove();
  }
});
