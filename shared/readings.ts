/**
 * What is known about the machine and its owner right now, each with who said it and when. What nobody knows
 * is null, never zero: rules then decide for the owner.
 */
import { z } from 'zod';

function reading<Value extends z.ZodType>(value: Value) {
  return z
    .object({
      value,
      /** Who said so, e.g. `electron`, `logind`, `nvml`. */
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
  /** Since the last key or movement of the mouse. */
  inputIdleSeconds: seconds,
  /** Since a button or stick of a game controller moved. */
  controllerIdleSeconds: seconds,
  locked: yesOrNo,
  /** Somebody works on this machine over the network. */
  remote: yesOrNo,
  /** The window in front covers its whole screen. */
  fullScreen: yesOrNo,
  /** Another program keeps the display awake: a film, a talk, a game. */
  displayKeptAwake: yesOrNo,
  lidClosed: yesOrNo,
  onBattery: yesOrNo,
  batteryPercent: percent,
  /** The network is paid by volume. */
  metered: yesOrNo,
  /** Load by other programs, of all cores together. */
  otherProcessorPercent: percent,
  /** Load by other programs on the busiest card. */
  otherGraphicsPercent: percent,
  /** Memory that other programs hold on the cards. */
  otherGraphicsMemoryBytes: bytes,
  processorCelsius: celsius,
  graphicsCelsius: celsius,
  /** Of the processor and the cards together, as far as they say it. */
  watts: reading(z.number().min(0)),
  fanRpm: reading(z.number().min(0)),
});
export type Readings = z.infer<typeof readingsSchema>;
export type ReadingName = keyof Readings;

export const READING_NAMES = Object.keys(readingsSchema.shape) as ReadingName[];

/** What one source says; names that it leaves out are those it never knows. */
export type PartialReadings = { readonly [Name in ReadingName]?: Readings[Name] | undefined };

export type KnownReading = NonNullable<Readings[ReadingName]>;

/** Of idle times the shorter one is believed, and a lock only where no source denies it: both let us work. */
const PREFER_SMALLER: ReadonlySet<ReadingName> = new Set([
  'inputIdleSeconds',
  'controllerIdleSeconds',
  'batteryPercent',
  'locked',
]);

/** Which of two sources that disagree is believed: the one that errs to the owner's side. */
export function moreCareful(name: ReadingName, left: KnownReading, right: KnownReading): KnownReading {
  // An idle time that was read earlier has grown since.
  const grownSeconds = name.endsWith('IdleSeconds') ? (right.atMs - left.atMs) / 1000 : 0;
  const [first, second] = [Number(left.value) + grownSeconds, Number(right.value)];
  return (PREFER_SMALLER.has(name) ? second < first : second > first) ? right : left;
}
