/**
 * Loaded before the agent by a crash run: shifts the wall clock of its process by the content of a file, while it runs.
 * Timers and the monotonic clock stay right, as on a machine whose clock is set.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const READ_EVERY_MS = 20;

const folder = process.env.IDLEWATT_CRASH_CLOCKS;
if (folder !== undefined)
  shiftClock(join(folder, process.argv.includes('--practice-requester') ? 'requester' : 'provider'));

function shiftClock(file: string): void {
  const RealDate = Date;
  let shiftMs = read();

  function read(): number {
    try {
      return Number(readFileSync(file, 'utf8'));
    } catch {
      // The clock was never set.
      return 0;
    }
  }

  class ShiftedDate extends RealDate {
    constructor(...values: unknown[]) {
      if (values.length === 0) super(RealDate.now() + shiftMs);
      else super(...(values as [number]));
    }
    static override now(): number {
      return RealDate.now() + shiftMs;
    }
  }
  globalThis.Date = ShiftedDate as DateConstructor;
  setInterval(() => {
    shiftMs = read();
  }, READ_EVERY_MS).unref();
}
