/**
 * Intensity: one slider for how much of the machine Idlewatt may use. It sets cores, duty cycle and temperature limits
 * together. The figures are chosen, not measured: machines differ, and the owner can move the slider.
 */
import { z } from 'zod';

export const COMFORT_MIN = 1;
export const COMFORT_MAX = 5;
/** 1 is the quietest; 5 uses everything that is idle. */
export const comfortSchema = z.literal([1, 2, 3, 4, 5]);
export type Comfort = z.infer<typeof comfortSchema>;

export interface ComfortLimits {
  /** Percent of the usable cores that compute; at least one core does. */
  readonly coresPercent: number;
  /** Percent of the time in which they compute: lowers the power draw where no power limit can be set. */
  readonly dutyPercent: number;
  /** Temperature from which work is throttled; it is paused from {@link HOT_CELSIUS} above. */
  readonly processorCelsiusMax: number;
  readonly graphicsCelsiusMax: number;
}

/** Work is paused instead of throttled when the temperature is this far above its limit. */
export const HOT_CELSIUS = 5;
/** Percent of the intensity's duty cycle that remains while throttled. */
const THROTTLED_PERCENT = 50;

const LIMITS: Readonly<Record<Comfort, ComfortLimits>> = {
  1: { coresPercent: 25, dutyPercent: 25, processorCelsiusMax: 60, graphicsCelsiusMax: 60 },
  2: { coresPercent: 50, dutyPercent: 50, processorCelsiusMax: 68, graphicsCelsiusMax: 65 },
  3: { coresPercent: 75, dutyPercent: 75, processorCelsiusMax: 76, graphicsCelsiusMax: 70 },
  4: { coresPercent: 100, dutyPercent: 100, processorCelsiusMax: 84, graphicsCelsiusMax: 76 },
  5: { coresPercent: 100, dutyPercent: 100, processorCelsiusMax: 92, graphicsCelsiusMax: 83 },
};

export function comfortLimits(comfort: Comfort): ComfortLimits {
  return LIMITS[comfort];
}

/** Returns the duty cycle while throttled, in percent, for the duty cycle of an intensity. */
export function throttledDuty(dutyPercent: number): number {
  return Math.max(1, Math.round((dutyPercent * THROTTLED_PERCENT) / 100));
}
