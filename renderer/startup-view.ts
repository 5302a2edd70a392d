/** The current step of Idlewatt's start, as a page shows it. Pure, for tests. */
import type { AgentState } from '../shared/api/state.ts';
import { assertNever } from '../shared/assert.ts';
import type { Startup, StartupStep } from '../shared/startup.ts';
import type { ConnectionStatus } from './store.ts';

export type StartupView =
  /** Nothing is known yet; `isServing` if at least that the agent answers. */
  | { readonly kind: 'connecting'; readonly isServing: boolean }
  | { readonly kind: 'step'; readonly step: StartupStep; readonly sinceMs: number; readonly again: boolean }
  | {
      readonly kind: 'downloading';
      readonly model: string;
      readonly receivedBytes: number;
      readonly totalBytes: number | null;
      readonly bytesPerSecond: number | null;
      readonly source: string;
    }
  | { readonly kind: 'verifying'; readonly model: string }
  /** Before the download or the loading begins. */
  | { readonly kind: 'preparing'; readonly model: string | null }
  | { readonly kind: 'loading'; readonly model: string | null }
  | { readonly kind: 'failed'; readonly message: string | null; readonly hasRun: boolean }
  /** No connection, and nothing reports that an agent is being started. */
  | { readonly kind: 'lost'; readonly sinceMs: number | null }
  | { readonly kind: 'no-access'; readonly reason: 'refused' | 'no-token' }
  /** Running: the status line tells the rest. */
  | { readonly kind: 'up' };

/** Joins the reports of the start, the connection and the state. */
export function startupView(known: {
  readonly startup: Startup | null;
  readonly status: ConnectionStatus;
  readonly lostAtMs: number | null;
  readonly state: AgentState | null;
}): StartupView {
  const { startup, status, lostAtMs, state } = known;
  if (status === 'live' && state !== null) return modelView(state);
  if (status === 'refused' || status === 'no-token') return { kind: 'no-access', reason: status };
  switch (startup?.phase) {
    case 'failed':
      return { kind: 'failed', message: startup.message, hasRun: startup.hasRun };
    case 'starting':
      return { kind: 'step', step: startup.step, sinceMs: startup.sinceMs, again: startup.again };
    case 'serving':
    case undefined:
      return status === 'connecting'
        ? { kind: 'connecting', isServing: startup !== null }
        : { kind: 'lost', sinceMs: lostAtMs };
    default:
      return assertNever(startup);
  }
}

/** The served model on its way into memory, unless something else than the start keeps Idlewatt from running. */
function modelView({ work, models }: AgentState): StartupView {
  const served = models.models.find(({ id }) => id === work.model);
  const name = served?.name ?? work.model;
  const { reason, decision } = work.presence;
  if (reason === 'starting' && served?.state === 'downloading' && served.progress !== null) {
    return { kind: 'downloading', model: served.name, ...served.progress };
  }
  if (reason === 'starting' && served?.state === 'verifying')
    return { kind: 'verifying', model: served.name };
  if (decision !== 'pause' && work.engine === 'loading') return { kind: 'loading', model: name };
  const isNext = reason === 'starting' || (decision !== 'pause' && work.engine === 'stopped');
  return isNext ? { kind: 'preparing', model: name } : { kind: 'up' };
}
