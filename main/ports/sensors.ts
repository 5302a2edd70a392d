/** A source of readings about the machine and its owner. */
import type { PartialReadings } from '../../shared/readings.ts';

export interface Sensor {
  /** As readings name their source. */
  readonly name: string;
  /** What it knows now, unknown as null. Never rejects and never waits long: a source that hangs says null. */
  read(): Promise<PartialReadings>;
  /**
   * Calls back the moment the owner is seen (a key, a controller, an unlocked session) with what that says, where the
   * source hears of it without being asked. Returns its unsubscribe.
   */
  onOwner?(listener: (seen: PartialReadings) => void): () => void;
  close(): void;
}
