/**
 * Divides what the owner permits between engines that compute at the same time. Each engine is loaded with all threads, so
 * that one alone is as fast as it can be; threads of two engines together would exceed the free cores, and threads beyond
 * those wait for each other at every layer. Therefore engines that have jobs divide the threads, and the duty cycle where a
 * thread can't be divided any more, or where a GPU computes.
 */
import type { Engine, EngineStatus } from '../../ports/engine.ts';

export type SharingEngine = Pick<Engine, 'status' | 'onStatus' | 'setDuty' | 'setThreadsMax'>;

export interface EngineShares {
  /** Adds an engine for good. */
  add(engine: SharingEngine): void;
  /** Sets the duty cycle of all engines together, in percent (1 to 100). Initially 100. */
  setDuty(percent: number): void;
}

/** Part of the machine that one engine may use. */
export interface Share {
  readonly dutyPercent: number;
  /** Null: the threads that it was loaded with. */
  readonly threads: number | null;
}

/** `engines` compute at the same time on the same device. `threads` is null where threads don't matter: on a GPU. */
export function shareOf(dutyPercent: number, threads: number | null, engines: number): Share {
  if (engines <= 1) return { dutyPercent, threads: null };
  const own = Math.max(1, Math.floor((threads ?? 1) / engines));
  const part = Math.min(1, (threads ?? 1) / (own * engines));
  return {
    dutyPercent: Math.max(1, Math.floor(dutyPercent * part)),
    threads: threads === null ? null : own,
  };
}

export function createEngineShares(): EngineShares {
  const engines: SharingEngine[] = [];
  let dutyPercent = 100;

  function apply(): void {
    const devices = engines.map((engine) => busyDevice(engine.status()));
    for (const [index, engine] of engines.entries()) {
      const device = devices[index] ?? null;
      const sharing = device === null ? 0 : devices.filter((each) => each === device).length;
      const { dutyPercent: duty, threads } = shareOf(dutyPercent, threadsOf(engine.status()), sharing);
      engine.setDuty(duty);
      engine.setThreadsMax(threads);
    }
  }

  return {
    add(engine) {
      engines.push(engine);
      engine.onStatus(apply);
      apply();
    },
    setDuty(percent) {
      dutyPercent = percent;
      apply();
    },
  };
}

/** Device on which an engine computes now; null for one that doesn't, and for an engine server's, which isn't known. */
function busyDevice(status: EngineStatus): 'cpu' | 'gpu' | null {
  if (status.state !== 'ready' || status.activeSequences === 0 || status.pid === null) return null;
  return status.loaded.backend === 'cpu' ? 'cpu' : 'gpu';
}

function threadsOf(status: EngineStatus): number | null {
  return status.state === 'ready' && status.loaded.backend === 'cpu' ? status.loaded.threads : null;
}
