/**
 * Asks every sensor once a second, each at its own pace: one that hangs holds nobody up. The owner's return is heard
 * in between, from those that hear of it.
 */
import type { PartialReadings } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sensor } from '../../ports/sensors.ts';

export interface Sensing {
  stop(): void;
}

const SENSE_EVERY_MS = 1_000;

export function createSensing(parts: {
  readonly sensors: readonly Sensor[];
  readonly clock: Clock;
  readonly report: (said: PartialReadings) => void;
  readonly fault: (error: unknown) => void;
}): Sensing {
  const { sensors, clock, report, fault } = parts;
  const asking = new Set<Sensor>();
  const ask = async (sensor: Sensor) => {
    if (asking.has(sensor)) return;
    asking.add(sensor);
    try {
      report(await sensor.read());
    } catch (error) {
      fault(error);
    } finally {
      asking.delete(sensor);
    }
  };
  const askAll = () => {
    for (const sensor of sensors) void ask(sensor);
  };
  const timer = clock.every(SENSE_EVERY_MS, askAll);
  // Who hears of the owner says so without waiting for the next look.
  const unsubscribe = sensors.map((sensor) => sensor.onOwner?.(report));
  askAll();
  return {
    stop() {
      timer.cancel();
      for (const end of unsubscribe) end?.();
      for (const sensor of sensors) sensor.close();
    },
  };
}
