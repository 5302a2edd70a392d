/** Global hotkey that works inside any program: the first press pauses, the next one resumes. */
import type { AgentState } from './api/state.ts';
import type { PauseUntil } from './presence.ts';

/** The key in Electron's accelerator format. */
export const HAND_BACK_KEY = 'CommandOrControl+Alt+I';
/** Length of the pause that the key starts. */
export const HAND_BACK_PAUSE: PauseUntil = '1-hour';

/** Returns the key as printed on the keyboards of a platform (Node's platform names). */
export function handBackKeyName(platform: string): string {
  return platform === 'darwin' ? '⌘⌥I' : 'Ctrl+Alt+I';
}

/** Returns the action of the next press. */
export function handBackKeyDoes(work: AgentState['work']): 'pause' | 'resume' {
  return work.presence.reason === 'paused-by-owner' ? 'resume' : 'pause';
}
