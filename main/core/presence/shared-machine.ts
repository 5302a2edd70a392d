/** Shares the machine with agents of its other users: asks for its lock only while everything else allows running. */
import type { Presence } from '../../../shared/presence.ts';
import type { MachineLock } from '../../ports/machine-lock.ts';

/**
 * `decideWith` decides by whether an agent of another user computes; `before` is the decision until now. Without a lock,
 * nobody else counts. Releases the lock where the decision is to pause for another reason.
 */
export function decideOnSharedMachine(
  lock: MachineLock | null,
  before: Presence | null,
  decideWith: (isTakenByOther: boolean) => Presence,
): Presence {
  const alone = decideWith(false);
  if (lock === null) return alone;
  if (alone.decision === 'pause') {
    lock.release();
    return alone;
  }
  lock.want();
  // The answer comes within milliseconds. What paused until now lasts until then.
  if (lock.state() === 'asking' && before?.decision === 'pause') return before;
  return decideWith(lock.state() === 'taken');
}
