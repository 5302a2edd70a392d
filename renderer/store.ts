/**
 * What the pages know: the agent's whole state, section by section, and whether it is fresh. One store
 * for all pages, fed by `state.watch`; it reconnects by itself with growing waits and says so.
 */
import { type ClientContext, type ClientLink, type ClientOptions, createORPCClient } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import { useSyncExternalStore } from 'react';
import type { Contract } from '../shared/api/contract.ts';
import type { AgentState, StateSection } from '../shared/api/state.ts';
import { applyUpdate } from '../shared/api/state-updates.ts';
import { type Line, NotConnected, openLine } from './connection.ts';

/** `live`: what is shown is current. Otherwise it is the last that was known, or nothing yet. */
export type LinkStatus = 'connecting' | 'live' | 'reconnecting' | 'refused' | 'no-token';

interface View {
  readonly status: LinkStatus;
  /** When the line was lost, in milliseconds since the epoch; null while live or before the first contact. */
  readonly lostAtMs: number | null;
  readonly state: AgentState | null;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8_000;

let view: View = { status: 'connecting', lostAtMs: null, state: null };
let line: Line | null = null;
const listeners = new Set<() => void>();

function show(next: Partial<View>): void {
  view = { ...view, ...next };
  for (const listener of listeners) listener();
}

/** Calls go over whichever line is open; without one they fail at once instead of waiting unseen. */
const link: ClientLink<ClientContext> = {
  call(path: readonly string[], input: unknown, options: ClientOptions<ClientContext>) {
    if (!line) return Promise.reject(new NotConnected('unreachable'));
    return line.link.call(path, input, options);
  },
};

/** The agent's typed API. */
export const agent: ContractRouterClient<Contract> = createORPCClient(link);

/** Keeps the state fresh for as long as the page lives. */
export async function keepConnected(): Promise<never> {
  let waitMs = FIRST_WAIT_MS;
  for (;;) {
    const startedAtMs = Date.now();
    const end = await followOnce().catch((error: unknown) =>
      error instanceof NotConnected ? error.reason : 'unreachable',
    );
    if (end !== 'unreachable') show({ status: end });
    else if (view.status === 'live') show({ status: 'reconnecting', lostAtMs: Date.now() });
    // A line that held for a while is worth an early try; one that breaks at once is not.
    if (Date.now() - startedAtMs > LONGEST_WAIT_MS) waitMs = FIRST_WAIT_MS;
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
  }
}

/** One line from its opening to its end; says why it ended. */
async function followOnce(): Promise<'refused' | 'unreachable'> {
  const opened = await openLine();
  line = opened;
  try {
    // The line's own end counts too: an iterator may never hear of a port that vanished.
    await Promise.race([followUpdates(), opened.closed]);
  } catch {
    // The watch ended because the line did, or the agent ended it; either way the line is renewed.
  } finally {
    line = null;
    opened.close();
  }
  return (await opened.closed).refused ? 'refused' : 'unreachable';
}

async function followUpdates(): Promise<void> {
  for await (const update of await agent.state.watch(undefined)) {
    const state = applyUpdate(view.state, update);
    if (state) show(update.type === 'whole' ? { status: 'live', lostAtMs: null, state } : { state });
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLink(): { status: LinkStatus; lostAtMs: number | null; known: boolean } {
  const current = useSyncExternalStore(subscribe, () => view);
  return { status: current.status, lostAtMs: current.lostAtMs, known: current.state !== null };
}

/** A section of the state. Only rendered below the point where the first state has arrived. */
export function useSection<S extends StateSection>(section: S): AgentState[S] {
  return useSyncExternalStore(subscribe, () => {
    if (!view.state) throw new Error('assertion failed: a page was shown before the first state');
    return view.state[section];
  });
}
