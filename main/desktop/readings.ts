/** What the operating system says about its owner: read here because only Electron can, decided elsewhere. */
import { powerMonitor } from 'electron';
import type { Readings } from '../../shared/api/contract.ts';

/** A lock state that Electron does not know is null: the agent then errs to the owner's side. */
export function readOwner(): Readings {
  return {
    idleSeconds: known(() => powerMonitor.getSystemIdleTime()),
    onBattery: known(() => powerMonitor.onBatteryPower),
    locked: known(() => lockedFrom(powerMonitor.getSystemIdleState(1))),
    atMs: Date.now(),
  };
}

function lockedFrom(state: 'active' | 'idle' | 'locked' | 'unknown'): boolean | null {
  return state === 'unknown' ? null : state === 'locked';
}

/** Some platforms throw instead of answering. */
function known<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Calls back when the operating system is about to put the machine to sleep. Returns its unsubscribe. */
export function onSuspend(listener: () => void): () => void {
  powerMonitor.on('suspend', listener);
  return () => powerMonitor.off('suspend', listener);
}
