/** Reads the time since the machine started from the operating system. */
import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Uptime } from '../../ports/uptime.ts';

/** Linux draws a random one at each start. */
const START_ID_FILE = '/proc/sys/kernel/random/boot_id';

export function machineUptime(): Uptime {
  return { sinceStartMs: () => Math.floor(uptime() * 1_000), startId: readStartId() };
}

function readStartId(): string | null {
  try {
    return readFileSync(START_ID_FILE, 'utf8').trim();
  } catch {
    // Not Linux, or a container without it.
    return null;
  }
}
