/**
 * Polls every sensor once per second, and every 5 s while no decision depends on it. Each poll runs independently, so that a sensor that hangs delays no other.
 * Sensors with events report owner input in between.
 */
import type { PartialReadings } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sensor } from '../../ports/sensors.ts';

export interface Sensing {
  /** Polls now, without waiting for the next time. */
  poll(): void;
  stop(): void;
}

const POLL_INTERVAL_MS = 1_000;
/** At rest, one of so many polls takes place. Readings expire later than that. */
const POLLS_PER_READING_AT_REST = 5;

export function createSensing(parts: {
  readonly sensors: readonly Sensor[];
  readonly clock: Clock;
  /** No decision depends on the readings. */
  readonly isAtRest: () => boolean;
  readonly report: (readings: PartialReadings) => void;
  readonly fault: (error: unknown) => void;
}): Sensing {
  const { sensors, clock, isAtRest, report, fault } = parts;
  let missed = 0;
  const inProgress = new Set<Sensor>();
  const poll = async (sensor: Sensor) => {
    if (inProgress.has(sensor)) return;
    inProgress.add(sensor);
    try {
      report(await sensor.read());
    } catch (error) {
      fault(error);
    } finally {
      inProgress.delete(sensor);
    }
  };
  const pollAll = () => {
    missed = 0;
    for (const sensor of sensors) void poll(sensor);
  };
  const timer = clock.every(POLL_INTERVAL_MS, () => {
    missed += 1;
    if (missed >= POLLS_PER_READING_AT_REST || !isAtRest()) pollAll();
  });
  // Sensors with events report owner input without waiting for the next poll.
  const unsubscribe = sensors.map((sensor) => sensor.onOwner?.(report));
  pollAll();
  return {
    poll: pollAll,
    stop() {
      timer.cancel();
      for (const end of unsubscribe) end?.();
      for (const sensor of sensors) sensor.close();
    },
  };
}
