/** Sensor for CPU temperature and power draw, for the decision to run. */
import type { MachineReader } from '../../ports/machine.ts';
import type { Sensor } from '../../ports/sensors.ts';

export function createMachineSensor(reader: Pick<MachineReader, 'readings'>): Sensor {
  const source = 'systeminformation';
  return {
    name: source,
    async read() {
      const { temperatureCelsius, watts, atMs } = await reader.readings();
      const reading = (value: number | null) => (value === null ? null : { value, source, atMs });
      return { processorCelsius: reading(temperatureCelsius), watts: reading(watts) };
    },
    close() {},
  };
}
