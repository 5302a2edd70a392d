/** Port for a sensor: one source of readings about the machine and its owner. */
import type { PartialReadings } from '../../shared/readings.ts';

export interface Sensor {
  /** The `source` of its readings. */
  readonly name: string;
  /** Returns the current readings, unknown as null. Never rejects and never waits long: a source that hangs gives null. */
  read(): Promise<PartialReadings>;
  /**
   * Calls the listener immediately on owner input (a key, a controller, an unlocked session) with the readings that
   * follow from it. Only sensors with events have this method. Returns its unsubscribe.
   */
  onOwner?(listener: (readings: PartialReadings) => void): () => void;
  close(): void;
}
