/**
 * The store behind all pages: the agent's whole state, section by section, and whether it is current. It is
 * fed by `state.watch`, reconnects automatically after growing delays, and reports the connection's status.
 */
import { type ClientContext, type ClientLink, type ClientOptions, createORPCClient } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import { useSyncExternalStore } from 'react';
import type { Contract } from '../shared/api/contract.ts';
import type { AgentState, StateSection } from '../shared/api/state.ts';
import { applyUpdate } from '../shared/api/state-updates.ts';
import { type Connection, connect, NotConnected } from './connection.ts';
import { withoutAgent } from './lost-agent.ts';
import { reportStartup } from './startup-report.ts';

/** `live`: the state is current. Otherwise it is the last known state, or there is none yet. */
export type ConnectionStatus = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'no-token';

/** The known state of the agent, and whether it is current. */
export interface ConnectionView {
  readonly status: ConnectionStatus;
  /** When the connection was lost, in milliseconds since the epoch; null while live or before the first one. */
  readonly lostAtMs: number | null;
  readonly state: AgentState | null;
}

const RETRY_DELAY_MS_MIN = 250;
const RETRY_DELAY_MS_MAX = 8_000;

let view: ConnectionView = { status: 'connecting', lostAtMs: null, state: null };
let connection: Connection | null = null;
const listeners = new Set<() => void>();

function show(next: Partial<ConnectionView>): void {
  view = { ...view, ...next };
  for (const listener of listeners) listener();
}

/** Sends calls over the open connection. Without one they fail immediately instead of waiting unnoticed. */
const link: ClientLink<ClientContext> = {
  call(path: readonly string[], input: unknown, options: ClientOptions<ClientContext>) {
    if (!connection) return Promise.reject(new NotConnected('unreachable'));
    return connection.link.call(path, input, options);
  },
};

/** The agent's typed API. */
export const agent: ContractRouterClient<Contract> = createORPCClient(link);

/** Keeps the state fresh for as long as the page lives. */
export async function keepConnected(): Promise<never> {
  let delayMs = RETRY_DELAY_MS_MIN;
  for (;;) {
    const startedAtMs = Date.now();
    const end = await followOnce().catch((error: unknown) =>
      error instanceof NotConnected ? error.reason : 'unreachable',
    );
    if (end === 'served') continue;
    if (end !== 'unreachable') show({ status: end });
    else if (view.status === 'live') {
      show({ status: 'reconnecting', lostAtMs: Date.now(), state: withoutAgent(view.state) });
    }
    // Retry early only if the connection lasted for a while; one that breaks immediately gets longer delays.
    if (Date.now() - startedAtMs > RETRY_DELAY_MS_MAX) delayMs = RETRY_DELAY_MS_MIN;
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS_MAX);
  }
}

/** Follows the state over one connection until it ends. Resolves with the reason; `served` if the agent has just come up. */
async function followOnce(): Promise<'refused' | 'unreachable' | 'served'> {
  const opened = await connect();
  connection = opened;
  let served = false;
  try {
    if (opened.isSocket) served = await Promise.race([followStartup(), opened.closed.then(() => false)]);
    if (served) return 'served';
    // Also wait for the connection's own end: the iterator may never be notified of a port that vanished.
    await Promise.race([followUpdates(), opened.closed]);
  } catch {
    // The watch ended with the connection, or the agent ended it. Either way the page reconnects.
  } finally {
    connection = null;
    opened.close();
  }
  return (await opened.closed).refused ? 'refused' : 'unreachable';
}

/**
 * Follows the start of an agent without a desktop. Resolves with true if it had just to be waited for: the API answers
 * on the next connection.
 */
async function followStartup(): Promise<boolean> {
  let waited = false;
  for await (const startup of await agent.startup.watch(undefined)) {
    reportStartup(startup);
    if (startup.phase === 'serving') return waited;
    waited = true;
  }
  return waited;
}

async function followUpdates(): Promise<void> {
  for await (const update of await agent.state.watch(undefined)) {
    const state = applyUpdate(view.state, update);
    if (state) show(update.type === 'whole' ? { status: 'live', lostAtMs: null, state } : { state });
  }
}

/** Calls back after each change of the view; returns its unsubscribe. */
export function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The view at this moment, for code outside of components. */
export function currentView(): ConnectionView {
  return view;
}

/** The connection's status, and whether any state has arrived yet (`known`). */
export function useConnection(): { status: ConnectionStatus; lostAtMs: number | null; known: boolean } {
  const current = useSyncExternalStore(subscribe, () => view);
  return { status: current.status, lostAtMs: current.lostAtMs, known: current.state !== null };
}

/** The whole state, or null before the first one. */
export function useKnownState(): AgentState | null {
  return useSyncExternalStore(subscribe, () => view.state);
}

/** A section of the state. Use it only in components that are rendered after the first state has arrived. */
export function useSection<S extends StateSection>(section: S): AgentState[S] {
  return useSyncExternalStore(subscribe, () => knownSection(section));
}

/** One value of a section, for components that need nothing else of a section that changes often. */
export function useValue<S extends StateSection, V extends string | number | boolean | null>(
  section: S,
  select: (section: AgentState[S]) => V,
): V {
  return useSyncExternalStore(subscribe, () => select(knownSection(section)));
}

function knownSection<S extends StateSection>(section: S): AgentState[S] {
  if (!view.state) throw new Error('assertion failed: a page was shown before the first state');
  return view.state[section];
}
