/** The owner's machines of the fake agent, one of each state, and its answers about them. */
import { implement } from '@orpc/server';
import { contract } from '../../shared/api/contract.ts';
import type { AgentState } from '../../shared/api/state.ts';
import type { MachineDay, MachineReport, ShownMachine } from '../../shared/machines.ts';
import { NO_MONEY_ID } from '../../shared/money.ts';
import { MINUTE_MS } from './agent-history.ts';
import type { FakeAgentState } from './agent-memory.ts';

const NOTHING = { jobs: 0, inputTokens: 0, outputTokens: 0, workMs: 0 };

/** Three days, one of which has no known energy. */
function daysBefore(nowMs: number): MachineDay[] {
  return [2, 1, 0].map((back) => ({
    day: new Date(nowMs - back * 86_400_000).toISOString().slice(0, 10),
    outputTokens: 61_402 - 20_000 * back,
    workMs: (148 - 60 * back) * MINUTE_MS,
    wattHours: back === 1 ? null : 414 - 100 * back,
  }));
}

/** An office of six; this machine is its founder. */
function officeAt(nowMs: number): NonNullable<AgentState['machines']> {
  const report = (patch: Partial<MachineReport>): MachineReport => ({
    presence: { decision: 'run', reason: 'idle', sinceMs: nowMs - 42 * MINUTE_MS, untilMs: null },
    ...{ engine: 'ready', jobs: 0, tokensPerSecond: null, watts: null, device: 'NVIDIA GeForce RTX 4070' },
    served: { jobs: 61, inputTokens: 48_210, outputTokens: 61_402, workMs: 148 * MINUTE_MS },
    used: NOTHING,
    days: daysBefore(nowMs),
    outside: null,
    ...patch,
  });
  const machine = (index: number, patch: Partial<ShownMachine>): ShownMachine => ({
    ...{
      peer: `12D3KooWMachine${index}`,
      name: `Machine ${index}`,
      role: 'use',
      addedAtMs: nowMs - 86_400_000,
    },
    ...{ isSelf: false, isRemovable: true, isConnected: true, report: report({}), reportedAtMs: nowMs },
    ...patch,
  });
  const paused = { decision: 'pause' as const, sinceMs: nowMs - 9 * MINUTE_MS, untilMs: null };
  return {
    role: 'owner',
    ruled: ['schedule', 'intensity'],
    ruledBy: 'Front desk',
    payout: null,
    machines: [
      machine(1, {
        ...{ name: 'Front desk', role: 'owner', isSelf: true, isRemovable: false },
        report: report({ jobs: 2, tokensPerSecond: 139.4, watts: 168 }),
      }),
      machine(2, { name: 'Render-02' }),
      machine(3, { name: 'Sales-03', report: report({ presence: { ...paused, reason: 'owner-active' } }) }),
      machine(4, {
        ...{ name: 'Design-03', role: 'serve' },
        report: report({ presence: { ...paused, reason: 'paused-by-owner' }, device: null }),
      }),
      machine(5, { name: 'Support-02', isConnected: false, reportedAtMs: nowMs - 97 * MINUTE_MS }),
      machine(6, { name: 'New-06', isConnected: false, report: null, reportedAtMs: null }),
    ],
  };
}

/** The state of an agent in that office. */
export function officeState(state: AgentState, nowMs: number): Partial<AgentState> {
  return {
    app: {
      ...state.app,
      profile: 'office',
      network: { ...state.app.network, active: 'office', chosen: 'office' },
    },
    work: { ...state.work, perHour: null },
    money: { ...state.money, asset: { id: NO_MONEY_ID, symbol: 'free', decimals: 0, practice: false } },
    machines: officeAt(nowMs),
  };
}

const on = implement(contract);

export function machineHandlers(agent: FakeAgentState) {
  return {
    invite: on.machines.invite.handler(({ input }) => {
      agent.receive('machines.invite', input);
      return { code: 'infant test stamp book mad team', expiresAtMs: agent.now() + 600_000 };
    }),
    endInvitation: on.machines.endInvitation.handler(() => ({})),
    order: on.machines.order.handler(({ input }) => {
      agent.receive('machines.order', input);
      return { failed: input.peer === null ? ['Support-02'] : [] };
    }),
    remove: on.machines.remove.handler(({ input }) => {
      agent.receive('machines.remove', input);
      return {};
    }),
    share: on.machines.share.handler(({ input }) => {
      agent.receive('machines.share', input);
      return {};
    }),
    found: on.machines.found.handler(() => {
      agent.receive('machines.found', {});
      return { restarts: false };
    }),
    leave: on.machines.leave.handler(() => {
      agent.receive('machines.leave', {});
      return { restarts: false };
    }),
    requestPayout: on.machines.requestPayout.handler(({ input }) => {
      agent.receive('machines.requestPayout', input);
      return {};
    }),
    join: on.machines.join.handler(({ input }) => {
      agent.receive('machines.join', input);
      return { restarts: false };
    }),
  };
}
