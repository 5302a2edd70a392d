/** Runs an agent on a file system of its own that a test can fill, and limits what its process can write. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { TINY_MODEL_ID } from '../../main/core/models/index.ts';
import { type RunningAgent, startAgent } from '../../scripts/lib/agent-process.ts';
import { prepareMeasuredHome } from '../../scripts/lib/stored-benchmark.ts';
import { fillDisk, freeDisk } from '../fakes/full-disk.ts';
import { onSmallDisk } from '../fakes/mounts.ts';
import { temporaryHome } from './practice-agent.ts';

export interface SmallDisk {
  readonly agent: RunningAgent;
  /** The data folder as this process reaches it. */
  readonly home: string;
  /** Writes one file until nothing more fits. */
  fill(): void;
  /** Deletes that file. */
  free(): void;
  /** Sets the largest file that these processes may write; null removes the limit. */
  limitFiles(pids: readonly number[], bytes: number | null): void;
  remove(): Promise<void>;
}

/**
 * Starts an agent with the tiny model on a machine that was measured. Its data folder is a new file system in memory,
 * mounted in a mount namespace of the agent: that needs no privilege, and it is gone when the agent ends.
 */
export async function startOnSmallDisk(mebibytes: number, args: readonly string[]): Promise<SmallDisk> {
  const folder = temporaryHome();
  prepareMeasuredHome(folder.path, TINY_MODEL_ID);
  const agent = await startAgent([...args, '--home', folder.path], {
    under: onSmallDisk(folder.path, `${mebibytes}m`),
  });
  const home = join('/proc', String(agent.ready.pid), 'root', folder.path);
  return {
    agent,
    home,
    fill: () => fillDisk(home),
    free: () => freeDisk(home),
    limitFiles(pids, bytes) {
      for (const pid of pids) {
        execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes ?? 'unlimited'}:unlimited`]);
      }
    },
    async remove() {
      await agent.stop();
      folder.remove();
    },
  };
}
