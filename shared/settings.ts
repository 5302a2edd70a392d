/** What the owner can set, with its defaults; kept by the agent, shown and changed on the pages. */
import { z } from 'zod';
import { comfortSchema } from './comfort.ts';
import { everyDay, weekSchema } from './week.ts';

/** Millionths of a US dollar, which are base units of USDC. */
const powerPriceSchema = z.number().int().min(0).max(100_000_000).nullable();

export const settingsSchema = z.object({
  /** `idle`: only while the owner does not use the machine. `always`: regardless (headless machines). */
  runWhen: z.enum(['idle', 'always']),
  /** Minutes without input before the machine counts as idle. */
  idleMinutes: z.number().int().min(1).max(240),
  runOnBattery: z.boolean(),
  runOnMetered: z.boolean(),
  onlyWhenLocked: z.boolean(),
  /** Whether a full-screen window, a display kept awake, and the load of other programs keep us away. */
  pauseForFullScreen: z.boolean(),
  pauseForDisplayAwake: z.boolean(),
  pauseForOtherPrograms: z.boolean(),
  /** Graphics cards that are not to be used, see shared/devices.ts. */
  graphicsOff: z.array(z.string().max(200)).max(32),
  /** See shared/comfort.ts. */
  comfort: comfortSchema,
  /** Of all cards together, the driver's part counted in; null for no limit. Less than that part means no card. */
  graphicsMemoryBytesMax: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50)
    .nullable(),
  /** Processor and cards together; null for no limit. */
  wattsMax: z.number().int().min(1).max(10_000).nullable(),
  /** Whether it runs only in these hours of the week. */
  scheduleOn: z.boolean(),
  schedule: weekSchema,
  onlyOffPeakHours: z.boolean(),
  offPeakHours: weekSchema,
  /** Of a kilowatt-hour; null when the owner did not say. */
  powerPriceMicroUsd: powerPriceSchema,
  /** In the cheap hours; null when it is the same. */
  offPeakPowerPriceMicroUsd: powerPriceSchema,
  /** Base units per million tokens. */
  priceInputPerMillion: z.string().regex(/^\d{1,15}$/),
  priceOutputPerMillion: z.string().regex(/^\d{1,15}$/),
  /** Pay out when at least this much is owed, in base units. */
  settleThreshold: z.string().regex(/^\d{1,15}$/),
  /** Disk space that model files may take. */
  modelBudgetBytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50),
  /** BCP 47 language tag of the pages, or `system`. */
  language: z.enum(['system', 'en', 'de']),
  startWithSystem: z.boolean(),
  /** A key of the whole desktop gives the machine back, see shared/hot-key.ts. */
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
  modelBudgetBytes: 20_000_000_000,
  language: 'system',
  startWithSystem: false,
  handBackKey: true,
  notifications: true,
};
