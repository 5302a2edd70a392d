/**
 * Sensor that reads Linux's files: temperature, power, fans, battery, load of AMD GPUs. Other systems have none of these
 * files; there it returns nothing and costs nothing.
 */
import type { PartialReadings } from '../../../shared/readings.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Sensor } from '../../ports/sensors.ts';
import {
  findHardwareFiles,
  type HardwareFiles,
  readBatteryPercent,
  readNumber,
  readOnBattery,
} from './hardware-files.ts';

export interface HardwareSensorOptions {
  readonly clock: Clock;
  /** True if our engine computes on a GPU: these files don't distinguish its load from that of others. */
  readonly usesGraphics: () => boolean;
  readonly platform?: NodeJS.Platform;
  readonly sysRoot?: string;
}

/** Chips and batteries change slowly, and reading some of them occupies their bus for a millisecond. */
const READ_INTERVAL_MS = 5_000;
/** Hardware comes and goes: a dock, an external GPU. */
const SEARCH_INTERVAL_MS = 300_000;

export function createHardwareSensor(options: HardwareSensorOptions): Sensor {
  const { clock, usesGraphics, platform = process.platform, sysRoot = '/sys' } = options;
  const source = 'linux';
  let last: { readonly atMs: number; readonly readings: PartialReadings } | null = null;
  let files: { readonly atMs: number; readonly found: HardwareFiles } | null = null;

  const reading = <Value>(value: Value | null) =>
    value === null ? null : { value, source, atMs: clock.now() };

  function readAll(found: HardwareFiles): PartialReadings {
    const numbers = (paths: readonly string[]) => paths.map(readNumber).filter((value) => value !== null);
    const { processorCelsius, graphicsCelsius } = found;
    return {
      processorCelsius: reading(celsius(processorCelsius === null ? null : readNumber(processorCelsius))),
      graphicsCelsius: reading(largest(graphicsCelsius.map((path) => celsius(readNumber(path))))),
      watts: reading(watts(numbers(found.watts))),
      fanRpm: reading(largest(numbers(found.fans).filter((rpm) => rpm >= 0))),
      onBattery: reading(readOnBattery(found)),
      batteryPercent: reading(readBatteryPercent(found)),
      ...(usesGraphics()
        ? {}
        : {
            otherGraphicsPercent: reading(
              largest(numbers(found.graphicsBusy).filter((percent) => percent >= 0 && percent <= 100)),
            ),
            otherGraphicsMemoryBytes: reading(sum(numbers(found.graphicsMemory))),
          }),
    };
  }

  return {
    name: source,
    async read() {
      if (platform !== 'linux') return {};
      const atMs = clock.monotonic();
      if (last !== null && atMs - last.atMs < READ_INTERVAL_MS) return last.readings;
      if (files === null || atMs - files.atMs >= SEARCH_INTERVAL_MS) {
        files = { atMs, found: findHardwareFiles(sysRoot) };
      }
      last = { atMs, readings: readAll(files.found) };
      return last.readings;
    },
    close() {},
  };
}

function celsius(thousandths: number | null): number | null {
  // Broken sensors report 0, -128 or thousands of degrees.
  return thousandths === null || thousandths <= 0 || thousandths > 150_000 ? null : thousandths / 1000;
}

function largest(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? null : Math.max(...known);
}

function sum(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((total, value) => total + value, 0);
}

function watts(microwatts: readonly number[]): number | null {
  const total = sum(microwatts.filter((value) => value >= 0));
  return total === null ? null : total / 1_000_000;
}
