/** What the operating system says about its owner through Electron; decided elsewhere. */
import { powerMonitor } from 'electron';
import type { PartialReadings } from '../../shared/readings.ts';

/** A lock state that Electron does not know is null: the agent then errs to the owner's side. */
export function readOwner(): PartialReadings {
  const atMs = Date.now();
  const said = <Value>(value: Value | null) => (value === null ? null : { value, source: 'electron', atMs });
  return {
    inputIdleSeconds: said(known(() => powerMonitor.getSystemIdleTime())),
    onBattery: said(known(() => powerMonitor.onBatteryPower)),
    locked: said(known(() => lockedFrom(powerMonitor.getSystemIdleState(1)))),
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
