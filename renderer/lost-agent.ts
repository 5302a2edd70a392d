/** The state of an agent to which the connection is lost. */
import type { AgentState } from '../shared/api/state.ts';

/** The last known state of an agent that was lost: nothing more is known of its work, so no page shows it as ready. */
export function withoutAgent(state: AgentState | null): AgentState | null {
  if (state === null) return null;
  return {
    ...state,
    work: {
      ...state.work,
      presence: { decision: 'pause', reason: 'no-agent', sinceMs: Date.now(), untilMs: null },
      engine: 'stopped',
      activeJobs: [],
      tokensPerSecond: null,
      tokensPerSecondAtMs: null,
    },
  };
}
