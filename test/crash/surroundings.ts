/** Breaks the surroundings of the agents in a crash run: their disk and their clocks. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fillDisk, freeDisk } from '../fakes/full-disk.ts';
import type { Side } from './plan.ts';

export interface Surroundings {
  /** Environment of the agents. */
  readonly environment: Readonly<Record<string, string>>;
  fillDisk(): void;
  freeDisk(): void;
  setClock(side: Side, shiftMs: number): void;
}

/** The data folder has to be on a file system that may be filled; `clocks` is a folder elsewhere. */
export function breakSurroundings(home: string, clocks: string): Surroundings {
  const disk = dirname(home);
  mkdirSync(clocks, { recursive: true });
  return {
    environment: {
      NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, 'jumping-clock.ts'))}`,
      IDLEWATT_CRASH_CLOCKS: clocks,
    },
    fillDisk: () => fillDisk(disk),
    freeDisk: () => freeDisk(disk),
    setClock(side, shiftMs) {
      const file = join(clocks, side);
      writeFileSync(`${file}.part`, String(shiftMs));
      renameSync(`${file}.part`, file);
    },
  };
}
