/** The right to compute on this machine: agents of one user share it, those of another user wait. */

/**
 * `free`: not wanted. `asking`: wanted, and the answer isn't there yet. `held`: this agent may compute. `taken`: an agent
 * of another user has it; it is asked for again when that one releases it.
 */
export type MachineLockState = 'free' | 'asking' | 'held' | 'taken';

export interface MachineLock {
  state(): MachineLockState;
  /** Asks for it until it is held; no effect while it is wanted already. */
  want(): void;
  /** Releases it, or ends the wait. */
  release(): void;
  /** Called after each change; returns its unsubscribe. */
  onChange(listener: () => void): () => void;
}
