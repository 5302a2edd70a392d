/** Reads the updates of `state.watch`, for pages, desktop shell and terminal alike. */
import { AppError } from '../errors.ts';
import type { AgentState, StateSection, StateUpdate } from './state.ts';

/** Returns the state after an update; null as long as no whole state has arrived. */
export function applyUpdate(state: AgentState | null, update: StateUpdate): AgentState | null {
  if (update.type === 'whole') return update.state;
  return state && { ...state, ...changedSections(update.sections) };
}

/** Returns the first whole state of a watch. Fails with `aborted` if the agent ends before it. */
export async function firstState(updates: AsyncIterable<StateUpdate>): Promise<AgentState> {
  for await (const update of updates) {
    if (update.type === 'whole') return update.state;
  }
  throw new AppError('aborted', 'The agent ended before it responded. Start Idlewatt and try again.');
}

/** Drops keys that are present but undefined, which a partial update may carry. */
function changedSections(
  sections: {
    [S in StateSection]?: AgentState[S] | undefined;
  },
): Partial<AgentState> {
  return Object.fromEntries(Object.entries(sections).filter(([, value]) => value !== undefined));
}
