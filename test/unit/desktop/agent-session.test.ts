// Verifies: the shell starts, links, restarts and gives up its agent, and asks the owner what to do then.
// Setup: fake agent processes that the test ends, a fake link, scripted answers to the dialog.
// Fails if: an agent that had run is reported as one that can't start; a link outlives its agent; a stopped session
//   starts another agent; a passphrase that wasn't typed counts as one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MessagePortMain } from 'electron';
import type { AgentEnd, AgentHost, AgentRefusal, AgentStart } from '../../../main/desktop/agent-host.ts';
import { recover } from '../../../main/desktop/agent-recovery.ts';
import { type AgentFailure, AgentSession } from '../../../main/desktop/agent-session.ts';
import type { Question } from '../../../main/desktop/ask.ts';
import type { ShellLink } from '../../../main/desktop/shell-link.ts';
import type { AgentReady } from '../../../shared/host.ts';
import { text } from '../../../shared/strings/index.ts';

const READY: AgentReady = {
  pid: 1,
  home: '/data',
  profile: 'practice',
  page: null,
  gateway: null,
  peer: { id: 'peer', addresses: [] },
  chain: null,
  requester: null,
};
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** An agent's process whose start and end the test controls. */
function fakeHost() {
  const started = Promise.withResolvers<AgentStart>();
  const exited = Promise.withResolvers<AgentEnd>();
  const host: AgentHost = {
    pid: 1,
    started: started.promise,
    exited: exited.promise,
    connect: () => ({}) as MessagePortMain,
    stop: async () => exited.resolve({ code: 0, refusal: null }),
  };
  return {
    host,
    start: () => started.resolve({ ready: READY }),
    exit: (refusal: AgentRefusal | null = null) => {
      started.resolve({ ended: true });
      exited.resolve({ code: 1, refusal });
    },
  };
}

function session() {
  const hosts: ReturnType<typeof fakeHost>[] = [];
  const failures: AgentFailure[] = [];
  const events: string[] = [];
  let closedLinks = 0;
  const agent = new AgentSession({
    startHost: () => {
      const fake = fakeHost();
      hosts.push(fake);
      return fake.host;
    },
    openLink: () => ({ close: () => (closedLinks += 1) }) as unknown as ShellLink,
    onReady: ({ home }) => events.push(`ready ${home}`),
    onStarting: (again) => events.push(again ? 'starting again' : 'starting'),
    onGivenUp: (failure) => failures.push(failure),
  });
  const host = (index: number) => hosts[index] ?? assert.fail(`no agent ${index}`);
  return { agent, hosts, host, failures, events, closedLinks: () => closedLinks };
}

test('an agent that waits for the window is announced immediately, and a page gets its port when it is up', async () => {
  const { agent, hosts, host, events } = session();
  const window = Promise.withResolvers<void>();
  agent.start(window.promise);
  const port = agent.connectPage();
  await settle();
  assert.deepEqual(events, ['starting']);
  assert.equal(hosts.length, 0);
  window.resolve();
  await settle();
  host(0).start();
  assert.ok(await port);
  await agent.stop();
});

test('an agent that is stopped while it waits for the window is never started', async () => {
  const { agent, hosts } = session();
  const window = Promise.withResolvers<void>();
  agent.start(window.promise);
  const port = agent.connectPage();
  await agent.stop();
  window.resolve();
  await settle();
  assert.equal(await port, null);
  assert.equal(hosts.length, 0);
});

test('an agent that is ready gets a link, which is closed when the agent is lost', async () => {
  const { agent, host, events, closedLinks } = session();
  agent.start();
  host(0).start();
  await settle();
  assert.ok(agent.link);
  host(0).exit();
  await settle();
  assert.equal(agent.link, null);
  assert.equal(closedLinks(), 1);
  assert.deepEqual(events, ['starting', 'ready /data', 'starting again']);
  await agent.stop();
});

test('a refusal is given up with its reason, as an agent that can’t start', async () => {
  const { agent, host, failures } = session();
  agent.start();
  host(0).exit({ message: 'The data folder is in use.', code: 'home-in-use' });
  await settle();
  assert.deepEqual(failures, [{ reason: 'The data folder is in use.', code: 'home-in-use', hasRun: false }]);
  assert.equal(await agent.connectPage(), null);
});

test('an agent that comes up and then can’t run is given up with its reason, and not started again', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { agent, host, hosts, failures } = session();
  agent.start();
  host(0).start();
  await settle();
  host(0).exit({ message: 'Port 4000 is in use.', code: 'port-in-use' });
  await settle();
  context.mock.timers.tick(60_000);
  assert.equal(hosts.length, 1);
  assert.deepEqual(failures, [{ reason: 'Port 4000 is in use.', code: 'port-in-use', hasRun: true }]);
});

test('an agent that had run and then refuses to start is reported as one that stopped working', async (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { agent, host, failures } = session();
  agent.start();
  host(0).start();
  await settle();
  host(0).exit();
  await settle();
  context.mock.timers.tick(500);
  host(1).exit({ message: 'The disk is full.', code: 'disk-full' });
  await settle();
  assert.deepEqual(failures, [{ reason: 'The disk is full.', code: 'disk-full', hasRun: true }]);
  agent.start();
  host(2).exit({ message: 'The disk is full.', code: 'disk-full' });
  await settle();
  assert.equal(failures[1]?.hasRun, false);
});

test('a restart replaces the agent, and a stopped session starts none', async () => {
  const { agent, host, hosts } = session();
  agent.start();
  host(0).start();
  await settle();
  await agent.restart();
  assert.equal(hosts.length, 2);
  const restarting = agent.restart();
  await agent.stop();
  await restarting;
  assert.equal(hosts.length, 2);
});

/** Presses these buttons in order; the dialogs that were shown. */
async function recoverWith(
  presses: readonly number[],
  options: { typed?: boolean; mayType?: boolean; leaveNetwork?: () => void } = {},
) {
  const shown: Question[] = [];
  const again = await recover(
    { reason: null, code: null, hasRun: true },
    {
      language: () => 'en',
      mayType: options.mayType ?? false,
      leaveNetwork: options.leaveNetwork ?? null,
      ask: async (question) => presses[shown.push(question) - 1] ?? assert.fail('one dialog too many'),
      unlock: async () => options.typed ?? false,
    },
  );
  return { again, shown };
}

test('the dialog offers to try again and to quit, and Escape quits', async () => {
  const { again, shown } = await recoverWith([0]);
  assert.equal(again, true);
  assert.equal(shown[0]?.message, text('en', 'dialog.stoppedWorking'));
  assert.match(shown[0]?.detail ?? '', /several times\.\nYour earnings are recorded/);
  assert.deepEqual(shown[0]?.buttons, ['Try again', 'Quit']);
  assert.equal(shown[0]?.cancelButton, 1);
  assert.equal((await recoverWith([1])).again, false);
});

test('a passphrase is offered first where it may help; without one the dialog comes back', async () => {
  const typed = await recoverWith([0], { mayType: true, typed: true });
  assert.equal(typed.again, true);
  assert.equal(typed.shown[0]?.buttons[0], 'Enter passphrase');
  const closed = await recoverWith([0, 2], { mayType: true, typed: false });
  assert.deepEqual([closed.again, closed.shown.length], [false, 2]);
});
