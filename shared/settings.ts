/** Settings of the owner with their defaults; stored by the agent, shown and changed on the pages. */
import { z } from 'zod';
import { BUYING_DEFAULTS, buyingLimitShape } from './buying-limits.ts';
import { comfortSchema } from './comfort.ts';
import { everyDay, weekSchema } from './week.ts';

/** Millionths of a US dollar, i.e. base units of USDC. */
const powerPriceSchema = z.number().int().min(0).max(100_000_000).nullable();

export const settingsSchema = z.object({
  /** `idle`: only while the owner isn't using the machine. `always`: regardless (headless machines). */
  runWhen: z.enum(['idle', 'always']),
  /** Minutes without input before the machine counts as idle. */
  idleMinutes: z.number().int().min(1).max(240),
  runOnBattery: z.boolean(),
  runOnMetered: z.boolean(),
  onlyWhenLocked: z.boolean(),
  /** Pause for a full-screen window, a display that is kept awake, and load by other programs. */
  pauseForFullScreen: z.boolean(),
  pauseForDisplayAwake: z.boolean(),
  pauseForOtherPrograms: z.boolean(),
  /** GPUs that must not be used, by the IDs of shared/devices.ts. */
  graphicsOff: z.array(z.string().max(200)).max(32),
  /** Intensity, see shared/comfort.ts. */
  comfort: comfortSchema,
  /** Limit for all GPUs together, including the driver's part; null: none. Less than that part means no GPU. */
  graphicsMemoryBytesMax: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50)
    .nullable(),
  /** Power limit for CPU and GPUs together; null: none. */
  wattsMax: z.number().int().min(1).max(10_000).nullable(),
  /** Run only in the hours of `schedule`. */
  scheduleOn: z.boolean(),
  schedule: weekSchema,
  onlyOffPeakHours: z.boolean(),
  offPeakHours: weekSchema,
  /** Electricity price per kilowatt-hour; null if the owner didn't enter it. */
  powerPriceMicroUsd: powerPriceSchema,
  /** The same in off-peak hours; null if it doesn't differ. */
  offPeakPowerPriceMicroUsd: powerPriceSchema,
  /** Base units per million tokens. */
  priceInputPerMillion: z.string().regex(/^\d{1,15}$/),
  priceOutputPerMillion: z.string().regex(/^\d{1,15}$/),
  /** Payout threshold: smallest balance due that is paid out, in base units. */
  settleThreshold: z.string().regex(/^\d{1,15}$/),
  ...buyingLimitShape,
  /** Disk space that model files may take. */
  modelBudgetBytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50),
  /** BCP 47 language tag of the pages, or `system`. */
  language: z.enum(['system', 'en', 'de']),
  startWithSystem: z.boolean(),
  /** A global hotkey pauses Idlewatt, see shared/hot-key.ts. */
  handBackKey: z.boolean(),
  notifications: z.boolean(),
});
export type Settings = z.infer<typeof settingsSchema>;

export const settingsPatchSchema = settingsSchema.partial();
export type SettingsPatch = z.infer<typeof settingsPatchSchema>;

/** Defaults of a desktop; a headless agent starts with `runWhen: 'always'`. */
export const DEFAULT_SETTINGS: Settings = {
  runWhen: 'idle',
  idleMinutes: 5,
  runOnBattery: false,
  runOnMetered: false,
  onlyWhenLocked: false,
  pauseForFullScreen: true,
  pauseForDisplayAwake: true,
  pauseForOtherPrograms: true,
  graphicsOff: [],
  comfort: 4,
  graphicsMemoryBytesMax: null,
  wattsMax: null,
  scheduleOn: false,
  schedule: everyDay(22, 8),
  onlyOffPeakHours: false,
  offPeakHours: everyDay(22, 6),
  powerPriceMicroUsd: null,
  offPeakPowerPriceMicroUsd: null,
  priceInputPerMillion: '20000',
  priceOutputPerMillion: '80000',
  settleThreshold: '50000',
  ...BUYING_DEFAULTS,
  modelBudgetBytes: 20_000_000_000,
  language: 'system',
  startWithSystem: false,
  handBackKey: true,
  notifications: true,
};
