/** The global hot key that pauses Idlewatt from inside any program, and resumes it when pressed again. */
import type { AgentState } from './api/state.ts';
import type { PauseUntil } from './presence.ts';

/** In Electron's notation of accelerators. */
export const HAND_BACK_KEY = 'CommandOrControl+Alt+I';
/** The length of the pause. */
export const HAND_BACK_PAUSE: PauseUntil = '1-hour';

/** The key as keyboards of a platform (Node's name) print it. */
export function handBackKeyName(platform: string): string {
  return platform === 'darwin' ? '⌘⌥I' : 'Ctrl+Alt+I';
}

/** The effect of a press in this state. */
export function handBackKeyDoes(work: AgentState['work']): 'pause' | 'resume' {
  return work.presence.reason === 'paused-by-owner' ? 'resume' : 'pause';
}
