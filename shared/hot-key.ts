/** The key that gives the machine back from inside any program: pressed once it pauses, pressed again it resumes. */
import type { AgentState } from './api/state.ts';
import type { PauseUntil } from './presence.ts';

/** As Electron writes accelerators. */
export const HAND_BACK_KEY = 'CommandOrControl+Alt+I';
/** The pause that it begins. */
export const HAND_BACK_PAUSE: PauseUntil = '1-hour';

/** The key as it is printed on keyboards of a platform (Node's names). */
export function handBackKeyName(platform: string): string {
  return platform === 'darwin' ? '⌘⌥I' : 'Ctrl+Alt+I';
}

/** What a press does now. */
export function handBackKeyDoes(work: AgentState['work']): 'pause' | 'resume' {
  return work.presence.reason === 'paused-by-owner' ? 'resume' : 'pause';
}
