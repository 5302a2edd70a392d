/** The states of Home for the fake agent: each status, with practice money or with real money. */
import type { AgentState } from '../../shared/api/state.ts';
import { MINUTE_MS } from './agent-history.ts';

export const HOME_STATUSES = ['earning', 'ready', 'waiting', 'paused', 'starting', 'stopped'] as const;
export type HomeStatus = (typeof HOME_STATUSES)[number];

const PRESENCE = {
  earning: { decision: 'run', reason: 'idle', untilMs: null },
  ready: { decision: 'run', reason: 'idle', untilMs: null },
  waiting: { decision: 'pause', reason: 'owner-active', untilMs: null },
  paused: { decision: 'pause', reason: 'paused-by-owner', untilMs: null },
  starting: { decision: 'pause', reason: 'no-model', untilMs: null },
  stopped: { decision: 'pause', reason: 'engine-gave-up', untilMs: null },
} as const satisfies Record<HomeStatus, Partial<AgentState['work']['presence']>>;

/** Changes the sections of the busy scenario to one status. */
export function homeState(state: AgentState, status: HomeStatus, nowMs: number): Partial<AgentState> {
  const { work } = state;
  const sinceMs = nowMs - 42 * MINUTE_MS;
  const presence = { ...PRESENCE[status], sinceMs };
  return {
    work: {
      ...work,
      presence: status === 'paused' ? { ...presence, untilMs: nowMs + 60 * MINUTE_MS } : presence,
      engine:
        status === 'earning' || status === 'ready' ? 'ready' : status === 'stopped' ? 'gave-up' : 'stopped',
      activeJobs: status === 'earning' ? work.activeJobs : [],
    },
  };
}

/** Real money on Base, with a rate. */
export function withRealMoney(state: AgentState, nowMs: number): Partial<AgentState> {
  const { app, money } = state;
  return {
    app: { ...app, profile: 'open' },
    money: {
      ...money,
      asset: {
        ...money.asset,
        id: 'eip155:8453/0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
        practice: false,
      },
      coin: { ...money.coin, id: 'eip155:8453/native', practice: false },
      rate: { currency: 'EUR', perDollar: 0.92, atMs: nowMs - 5 * MINUTE_MS, source: 'ecb' },
      earnedToday: '913043',
      earnedThisWeek: '4847826',
      owed: '2326087',
      settleThreshold: '5000000',
    },
    wallet: { ...state.wallet, tokenBalance: '45500000', networkName: 'Base' },
  };
}
