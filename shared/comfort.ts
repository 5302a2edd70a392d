/**
 * One slider for how much of the machine idle work may take: it sets cores, duty and temperature together.
 * The figures are chosen, not measured: machines differ, and who knows better moves the slider.
 */
import { z } from 'zod';

export const COMFORT_MIN = 1;
export const COMFORT_MAX = 5;
/** 1 is the quietest, 5 takes all that is idle. */
export const comfortSchema = z.literal([1, 2, 3, 4, 5]);
export type Comfort = z.infer<typeof comfortSchema>;

export interface ComfortLimits {
  /** Share of the usable cores that compute, in percent; at least one core does. */
  readonly coresPercent: number;
  /** Share of the time in which they compute, in percent: what keeps watts down where watts cannot be set. */
  readonly dutyPercent: number;
  /** From here on work is throttled, and paused {@link HOT_CELSIUS} above. */
  readonly processorCelsiusMax: number;
  readonly graphicsCelsiusMax: number;
}

/** So far above its limit a machine is not throttled but left alone. */
export const HOT_CELSIUS = 5;
/** Share of the comfort's duty that is left while throttled, in percent. */
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

/** Share of the time that is left of a comfort's duty while throttled, in percent. */
export function throttledDuty(dutyPercent: number): number {
  return Math.max(1, Math.round((dutyPercent * THROTTLED_PERCENT) / 100));
}
