/** Readings of the owner's activity that Electron gets from the operating system. */
import { powerMonitor } from 'electron';
import type { PartialReadings } from '../../shared/readings.ts';

/** A lock state that Electron can't determine is null; the agent then decides in the owner's favor. */
export function readOwner(): PartialReadings {
  const atMs = Date.now();
  const reading = <Value>(value: Value | null) =>
    value === null ? null : { value, source: 'electron', atMs };
  return {
    inputIdleSeconds: reading(known(() => powerMonitor.getSystemIdleTime())),
    onBattery: reading(known(() => powerMonitor.onBatteryPower)),
    locked: reading(known(() => lockedFrom(powerMonitor.getSystemIdleState(1)))),
  };
}

function lockedFrom(state: 'active' | 'idle' | 'locked' | 'unknown'): boolean | null {
  return state === 'unknown' ? null : state === 'locked';
}

/** Null on platforms that throw. */
function known<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

/** Calls back when the operating system is about to put the machine to sleep. Returns a function that unsubscribes. */
export function onSuspend(listener: () => void): () => void {
  powerMonitor.on('suspend', listener);
  return () => powerMonitor.off('suspend', listener);
}
