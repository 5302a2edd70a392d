/** Reads the machine for the pages: its inventory once, its readings every few seconds while a page is open. */
import type { Inventory, MachineReader, MachineReadings } from '../ports/machine.ts';
import { latest } from './latest.ts';
import { logFault } from './log.ts';
import type { Surroundings } from './surroundings.ts';

export interface MachineView {
  /** Null until it was read. */
  inventory(): Inventory | null;
  readings(): MachineReadings | null;
  /** Reads from now on; readings only while `watched`, and half as often unless `isWorking`. */
  start(watched: () => boolean, isWorking: () => boolean): void;
}

const READINGS_INTERVAL_MS = 5_000;

export function createMachineView(
  { clock, changed, onClose, log }: Surroundings,
  machine: MachineReader,
): MachineView {
  const inventory = latest<Inventory>();
  const readings = latest<MachineReadings>();
  const report = logFault(log.child('machine'), 'The machine could not be read');
  const read = async () => {
    readings.set(await machine.readings());
    changed('machine', 'network');
  };
  return {
    inventory: inventory.get,
    readings: readings.get,
    start(watched, isWorking) {
      let skipped = true;
      void machine.inventory().then((found) => {
        inventory.set(found);
        changed('machine');
      }, report);
      const timer = clock.every(READINGS_INTERVAL_MS, () => {
        skipped = !skipped && !isWorking();
        if (!skipped && watched()) void read().catch(report);
      });
      onClose(() => timer.cancel());
    },
  };
}
