/**
 * Polls every sensor once per second. Each poll runs independently, so that a sensor that hangs delays no other.
 * Sensors with events report owner input in between.
 */
import type { PartialReadings } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sensor } from '../../ports/sensors.ts';

export interface Sensing {
  stop(): void;
}

const POLL_INTERVAL_MS = 1_000;

export function createSensing(parts: {
  readonly sensors: readonly Sensor[];
  readonly clock: Clock;
  readonly report: (readings: PartialReadings) => void;
  readonly fault: (error: unknown) => void;
}): Sensing {
  const { sensors, clock, report, fault } = parts;
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
    for (const sensor of sensors) void poll(sensor);
  };
  const timer = clock.every(POLL_INTERVAL_MS, pollAll);
  // Sensors with events report owner input without waiting for the next poll.
  const unsubscribe = sensors.map((sensor) => sensor.onOwner?.(report));
  pollAll();
  return {
    stop() {
      timer.cancel();
      for (const end of unsubscribe) end?.();
      for (const sensor of sensors) sensor.close();
    },
  };
}
