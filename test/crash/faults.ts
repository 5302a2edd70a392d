/** Makes the faults of a crash run happen around a kill, and ends them. */
import { CrashFailure } from './failure.ts';
import { pause } from './pause.ts';
import { FAULTS, type Fault, type Kill, SIDES } from './plan.ts';
import type { CrashNetwork } from './practice-network.ts';
import type { Surroundings } from './surroundings.ts';

export interface FaultCounts {
  readonly byFault: Record<Fault['kind'], number>;
  /** Lost logs by what a start made of them. */
  readonly lostLogs: Record<'empty' | 'refused' | 'unnoticed', number>;
}

export interface Faults {
  readonly counts: FaultCounts;
  /** At the moment, before the kill. */
  begin(kill: Kill): Promise<void>;
  /** After the kill, before the recovery. Fails with a {@link CrashFailure} if a start isn’t as it must be. */
  afterKill(kill: Kill): Promise<void>;
  /** After the recovery. Returns true if something was still wrong until now. */
  end(kill: Kill): boolean;
}

/** Without surroundings there are no faults. */
export function createFaults(network: CrashNetwork, surroundings: Surroundings | null): Faults {
  const counts: FaultCounts = {
    byFault: Object.fromEntries(FAULTS.map((kind) => [kind, 0])) as FaultCounts['byFault'],
    lostLogs: { empty: 0, refused: 0, unnoticed: 0 },
  };
  const setClocksRight = () => {
    for (const side of SIDES) surroundings?.setClock(side, 0);
  };

  async function startOnFullDisk(kill: Kill): Promise<void> {
    if (network.isAlive()) return;
    const output = await network.beginOnFullDisk();
    if (output !== null) throw new CrashFailure(kill, [`a start on the full disk failed: ${output}`]);
  }

  async function loseLog(kill: Kill, fault: Extract<Fault, { kind: 'log-lost' }>): Promise<void> {
    const lost = await network.loseLog(fault.side, fault.how);
    if (lost.kind === 'failed')
      throw new CrashFailure(kill, [`a start without its log failed: ${lost.output}`]);
    counts.lostLogs[lost.kind] += 1;
  }

  return {
    counts,
    async begin({ fault }) {
      if (fault === null) return;
      counts.byFault[fault.kind] += 1;
      if (fault.kind === 'disk-full') {
        surroundings?.fillDisk();
        await pause(fault.heldMs);
      } else if (fault.kind === 'clock-jump') {
        for (const side of fault.sides) surroundings?.setClock(side, fault.jumpMs);
      }
    },
    async afterKill(kill) {
      const { fault } = kill;
      if (fault?.kind === 'disk-full') {
        await startOnFullDisk(kill);
        surroundings?.freeDisk();
      } else if (fault?.kind === 'log-lost') {
        await loseLog(kill, fault);
      } else if (fault?.kind === 'clock-jump' && fault.isBackBeforeRecovery) {
        setClocksRight();
      }
    },
    end({ fault }) {
      if (fault?.kind !== 'clock-jump' || fault.isBackBeforeRecovery) return false;
      setClocksRight();
      return true;
    },
  };
}
