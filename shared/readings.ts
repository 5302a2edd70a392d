/**
 * Readings of the machine and its owner, each with its source and time. Unknown is null, never zero: rules then decide
 * in the owner's favor.
 */
import { z } from 'zod';

function reading<Value extends z.ZodType>(value: Value) {
  return z
    .object({
      value,
      /** Name of the sensor, e.g. `electron`, `logind`, `nvml`. */
      source: z.string().min(1).max(60),
      /** Milliseconds since the epoch. */
      atMs: z.number(),
    })
    .nullable();
}

const seconds = reading(z.number().min(0));
const percent = reading(z.number().min(0).max(100));
const bytes = reading(z.number().min(0));
const celsius = reading(z.number().min(-50).max(200));
const yesOrNo = reading(z.boolean());

export const readingsSchema = z.object({
  /** Since the last key press or mouse movement. */
  inputIdleSeconds: seconds,
  /** Since the last movement of a game controller's button or stick. */
  controllerIdleSeconds: seconds,
  locked: yesOrNo,
  /** A remote desktop session is active on this machine. */
  remote: yesOrNo,
  /** The window in front covers its whole screen. */
  fullScreen: yesOrNo,
  /** Another program keeps the display awake: a film, a presentation or a game. */
  displayKeptAwake: yesOrNo,
  lidClosed: yesOrNo,
  onBattery: yesOrNo,
  batteryPercent: percent,
  /** The network connection is metered. */
  metered: yesOrNo,
  /** CPU load by other programs, over all cores. */
  otherProcessorPercent: percent,
  /** Load by other programs on the busiest GPU. */
  otherGraphicsPercent: percent,
  /** GPU memory that other programs hold, over all GPUs. */
  otherGraphicsMemoryBytes: bytes,
  processorCelsius: celsius,
  graphicsCelsius: celsius,
  /** Power draw of CPU and GPUs together, as far as they report it. */
  watts: reading(z.number().min(0)),
  fanRpm: reading(z.number().min(0)),
});
export type Readings = z.infer<typeof readingsSchema>;
export type ReadingName = keyof Readings;

export const READING_NAMES = Object.keys(readingsSchema.shape) as ReadingName[];

/** Readings of one source; it leaves out the names that it never provides. */
export type PartialReadings = { readonly [Name in ReadingName]?: Readings[Name] | undefined };

export type KnownReading = NonNullable<Readings[ReadingName]>;

/**
 * Readings of which the smaller wins: the shorter idle time, and `locked` only if no source denies it, because a long
 * idle time and a lock let Idlewatt run.
 */
const PREFER_SMALLER: ReadonlySet<ReadingName> = new Set([
  'inputIdleSeconds',
  'controllerIdleSeconds',
  'batteryPercent',
  'locked',
]);

/** Returns the reading that favors the owner, where two sources disagree. */
export function moreCareful(name: ReadingName, left: KnownReading, right: KnownReading): KnownReading {
  // An idle time that was read earlier has grown in the meantime.
  const grownSeconds = name.endsWith('IdleSeconds') ? (right.atMs - left.atMs) / 1000 : 0;
  const [first, second] = [Number(left.value) + grownSeconds, Number(right.value)];
  return (PREFER_SMALLER.has(name) ? second < first : second > first) ? right : left;
}
