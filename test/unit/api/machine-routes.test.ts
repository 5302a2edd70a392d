/**
 * Verifies: a page can't decide who sets the payout address: it joins a network where this machine sells, invites an owner, removes
 * an owner's machine and takes one out only after the owner's answer outside of the pages.
 * Setup: the real router behind a message channel with the role of a page; the machines record what is called.
 * Fails if: any of these happens without the answer, after a refusal, or for a page that calls the shell's procedures.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createORPCClient } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { ContractRouterClient } from '@orpc/contract';
import { RPCHandler } from '@orpc/server/message-port';
import { type ApiParts, createRouter } from '../../../main/api/router.ts';
import { createShellLink } from '../../../main/api/shell-link.ts';
import type { Contract } from '../../../shared/api/contract.ts';
import { decodeApiError } from '../../../shared/api/errors.ts';
import { createRecordingLog } from '../../fakes/log.ts';

type Api = ContractRouterClient<Contract>;

const CALLS: readonly ((api: Api) => Promise<unknown>)[] = [
  (api) => api.machines.join({ code: 'one two three four five six' }),
  (api) => api.machines.invite({ role: 'owner' }),
  (api) => api.machines.remove({ peer: 'second' }),
  (api) => api.machines.leave({}),
];

/** A machine that sells; `answers` are the owner's, in order, and null where no shell listens. */
async function machine(
  answers: boolean | null,
  use: (api: Api, done: string[]) => Promise<void>,
  role: 'owner' | 'use' = 'owner',
) {
  const done: string[] = [];
  const shell = createShellLink();
  const listed = [
    { peer: 'second', name: 'Second', role: 'owner' },
    { peer: 'third', name: 'Third', role: 'use' },
  ];
  const machines = {
    roster: { machines: () => listed, remove: async (peer: string) => void done.push(`remove ${peer}`) },
    invitations: {
      open: async (role: string) => {
        done.push(`invite ${role}`);
        return { code: 'a b c', expiresAtMs: 1 };
      },
    },
    join: async () => {
      done.push('join');
      return { restarts: true };
    },
    isOwner: () => role === 'owner',
    leave: async () => {
      done.push('leave');
      return { restarts: true };
    },
  };
  const end = new AbortController();
  const listening = (async () => {
    for await (const request of shell.requests(end.signal)) {
      if (request.type === 'confirm') shell.answerQuestion(request.id, answers === true);
    }
  })();
  if (answers === null) end.abort();
  else await new Promise((resolve) => setImmediate(resolve));
  const { port1, port2 } = new MessageChannel();
  const parts = { machines, membership: {}, shell, log: createRecordingLog() } as unknown as ApiParts;
  new RPCHandler(createRouter(parts)).upgrade(port1, { context: { role: 'page' } });
  port1.start();
  port2.start();
  try {
    if (answers === null) await listening;
    await use(createORPCClient(new RPCLink({ port: port2 })), done);
  } finally {
    end.abort();
    await listening;
    port1.close();
    port2.close();
  }
}

const failed = (call: Promise<unknown>) =>
  call.then(
    () => null,
    (error: unknown) => decodeApiError(error)?.code,
  );

test('without the desktop app or against the owner’s answer, nothing happens', async () => {
  for (const [answer, code] of [
    [null, 'unsupported'],
    [false, 'not-permitted'],
  ] as const) {
    await machine(answer, async (api, done) => {
      for (const call of CALLS) assert.equal(await failed(call(api)), code);
      assert.deepEqual(done, []);
    });
  }
});

test('the owner’s answer lets it happen, and what decides nothing about money asks nothing', async () => {
  await machine(true, async (api, done) => {
    for (const call of CALLS) await call(api);
    assert.deepEqual(done, ['join', 'invite owner', 'remove second', 'leave']);
  });
  await machine(false, async (api, done) => {
    await api.machines.invite({ role: 'use' });
    await api.machines.remove({ peer: 'third' });
    assert.deepEqual(done, ['invite use', 'remove third']);
  });
  const leaves = async (api: Api, done: string[]) => {
    await api.machines.leave({});
    assert.deepEqual(done, ['leave']);
  };
  await machine(false, leaves, 'use');
});

test('a page can’t call what the shell and the terminal call', async () => {
  await machine(true, async (api, done) => {
    const calls = [
      api.shell.inviteOwner({}),
      api.shell.removeMachine({ peer: 'second' }),
      api.shell.leaveMachines({}),
      api.shell.answerQuestion({ id: 'a', approved: true }),
    ];
    for (const call of calls) assert.equal(await failed(call), 'not-permitted');
    assert.deepEqual(done, []);
  });
});
