/** Settings of the owner with their defaults; stored by the agent, shown and changed on the pages. */
import { z } from 'zod';
import { OPINION_SOURCES } from './answer-check.ts';
import { BITTENSOR_HOTKEYS_MAX, bittensorHotkeySchema, hotkeyNamesSchema } from './bittensor.ts';
import { BUYING_DEFAULTS, buyingLimitShape } from './buying-limits.ts';
import { comfortSchema } from './comfort.ts';
import { engineServersSchema } from './engine-servers.ts';
import { hordeModelsSchema, hordeUrlSchema, hordeWorkerNameSchema } from './horde.ts';
import { JOB_CATEGORIES } from './job-categories.ts';
import { JOB_SOURCES, jobPreferenceSchema, jobSourceOrderSchema } from './job-sources.ts';
import { CURRENCIES, rateSourceSchema, rateTextSchema } from './rates.ts';
import { STOREFRONT_PORT, storefrontUrlSchema } from './storefront.ts';
import { LANGUAGE_CHOICES } from './strings/languages.ts';
import { DAY_HOURS, everyDay, weekSchema } from './week.ts';

/** Millionths of a US dollar, i.e. base units of USDC. */
const powerPriceSchema = z.number().int().min(0).max(100_000_000).nullable();

/** Smallest and largest accepted values. Outside of them a slip of the decimal point is more likely than a wish. */
export const SETTING_LIMITS = {
  /** Base units per million tokens: up to 10,000 US dollars. */
  pricePerMillion: { min: 1n, max: 10n ** 10n },
  /** Base units: up to one million US dollars. */
  settleThreshold: { min: 1n, max: 10n ** 12n },
  /** Base units of the coin: up to one coin. The network's own limit may be lower. */
  networkFeeMax: { min: 1n, max: 10n ** 18n },
  /** Millionths of a US dollar for one coin. */
  coinPriceMicroUsd: { min: 1, max: 10 ** 12 },
  /** Bytes. */
  modelBudgetBytes: { min: 10 ** 8, max: 2 ** 50 },
  modelMemoryBytesMax: { min: 10 ** 8, max: 2 ** 50 },
  batchBytesMax: { min: 10 ** 6, max: 2 ** 50 },
} as const;

/** Choices of the days for which a job's details are stored. The forecast needs two weeks of them. */
export const JOB_HISTORY_DAYS = [30, 90, 365] as const;
/** Origins, or host names, that one owner allows. */
export const GATEWAY_EXCEPTIONS_MAX = 32;

/** Peers that an owner lists as buyers. */
export const KNOWN_PEERS_MAX = 64;
/** A libp2p peer ID of an Ed25519 key, in base58. */
export const PEER_ID = /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/;
export const peerIdSchema = z.string().regex(PEER_ID);
/** Public nodes that one owner names. */
export const PUBLIC_NODES_MAX = 16;

/** A whole number of base units, as text, within limits. */
function baseUnitsSchema({ min, max }: { readonly min: bigint; readonly max: bigint }) {
  const isWithin = (text: string): boolean =>
    /^\d{1,21}$/.test(text) && BigInt(text) >= min && BigInt(text) <= max;
  return z.string().refine(isWithin, { message: `must be from ${min} to ${max} base units` });
}

const hourSchema = z
  .number()
  .int()
  .min(0)
  .max(DAY_HOURS - 1);

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
  /** Wait while another user of this machine runs Idlewatt. */
  pauseForOtherUsers: z.boolean(),
  /** Serve strangers (profile `open`) even where the engine's sandbox restricts neither network nor files. */
  serveUnconfined: z.boolean(),
  /** GPUs that must not be used, by the IDs of shared/devices.ts. */
  graphicsOff: z.array(z.string().max(200)).max(32),
  /** Serve with a GPU only; without a usable one nothing is served. */
  processorOff: z.boolean(),
  /** Intensity, see shared/comfort.ts. */
  comfort: comfortSchema,
  /** Limit for all GPUs together, including the driver's part; null: none. Less than that part means no GPU. */
  graphicsMemoryBytesMax: z
    .number()
    .int()
    .min(0)
    .max(2 ** 50)
    .nullable(),
  /** Limit for the memory of all loaded models together; null: what the machine has free. */
  modelMemoryBytesMax: z
    .number()
    .int()
    .min(SETTING_LIMITS.modelMemoryBytesMax.min)
    .max(SETTING_LIMITS.modelMemoryBytesMax.max)
    .nullable(),
  /** Minutes without jobs after which a model alongside the main one is unloaded. */
  modelIdleMinutes: z.number().int().min(1).max(240),
  /** Power limit for CPU and GPUs together; null: none. */
  wattsMax: z.number().int().min(1).max(10_000).nullable(),
  /** Run only in the hours of `schedule`. */
  scheduleOn: z.boolean(),
  schedule: weekSchema,
  onlyOffPeakHours: z.boolean(),
  offPeakHours: weekSchema,
  /** Watts that the work takes beyond the idle machine, where no sensor measures it; null if the owner didn't enter it. */
  workWatts: z.number().int().min(1).max(10_000).nullable(),
  /** Electricity price per kilowatt-hour; null if the owner didn't enter it. */
  powerPriceMicroUsd: powerPriceSchema,
  /** The same in off-peak hours; null if it doesn't differ. */
  offPeakPowerPriceMicroUsd: powerPriceSchema,
  /** Base units per million tokens. */
  priceInputPerMillion: baseUnitsSchema(SETTING_LIMITS.pricePerMillion),
  priceOutputPerMillion: baseUnitsSchema(SETTING_LIMITS.pricePerMillion),
  /** `market`: the prices follow those of other providers within bounds, and are never below the cost of electricity. */
  pricePolicy: z.enum(['fixed', 'market']),
  /** Bounds of such prices, in percent of the own ones. */
  priceLowestPercent: z.number().int().min(1).max(100),
  priceHighestPercent: z.number().int().min(100).max(1_000),
  /** Discount on batches in off-peak hours. */
  batchDiscountPercent: z.number().int().min(0).max(90),
  /** Sell to other peers; off, only the owner’s machines get answers. */
  marketOn: z.boolean(),
  /** Buyers: `known` are those that have paid here before and the peers of the list, `listed` only the latter. */
  sellTo: z.enum(['anybody', 'known', 'listed']),
  /** Peer IDs. */
  knownPeers: z.array(peerIdSchema).max(KNOWN_PEERS_MAX),
  /** Kinds of jobs that aren't sold. */
  categoriesOff: z.array(z.enum(JOB_CATEGORIES)).max(JOB_CATEGORIES.length),
  /** Decides between sources of jobs for a free slot; the order holds for `own`. */
  jobPreference: jobPreferenceSchema,
  jobSourceOrder: jobSourceOrderSchema,
  /** Run the storefront. `--role storefront` does, too, with the options of the command line instead of address and port. */
  storefrontOn: z.boolean(),
  /** Address at which buyers reach it; null: only programs on this machine do. */
  storefrontUrl: storefrontUrlSchema.nullable(),
  /** Port of loopback to which the owner’s reverse proxy passes requests. */
  storefrontPort: z.number().int().min(1_024).max(65_535),
  /** Percentage that the storefront adds to the market's prices. */
  storefrontMarginPercent: z.number().int().min(0).max(1_000),
  /** Answer jobs of an AI Horde for kudos. Its API key is elsewhere. */
  hordeOn: z.boolean(),
  /** Its server; null: the public one on public networks, none elsewhere. */
  hordeUrl: hordeUrlSchema.nullable(),
  /** Name of this machine there; null: one that was drawn. */
  hordeWorkerName: hordeWorkerNameSchema.nullable(),
  hordeModels: hordeModelsSchema,
  /** Take jobs that may be for adults only. */
  hordeNsfw: z.boolean(),
  /** Bittensor’s hotkeys that may use this machine for free. */
  bittensorHotkeys: z.array(bittensorHotkeySchema).max(BITTENSOR_HOTKEYS_MAX),
  bittensorNames: hotkeyNamesSchema,
  /** Payout threshold: smallest balance due that is paid out, in base units. */
  settleThreshold: baseUnitsSchema(SETTING_LIMITS.settleThreshold),
  /** Most that one transaction may cost, in base units of the coin. */
  networkFeeMax: baseUnitsSchema(SETTING_LIMITS.networkFeeMax),
  /**
   * Price of one coin (of ETH), for the decision whether a payout is worth its fee on a network with real money; null
   * if the owner didn't enter it.
   */
  coinPriceMicroUsd: z
    .number()
    .int()
    .min(SETTING_LIMITS.coinPriceMicroUsd.min)
    .max(SETTING_LIMITS.coinPriceMicroUsd.max)
    .nullable(),
  /** Source of the rates into the owner's currency; `off` queries nothing. */
  rateSource: rateSourceSchema,
  currency: z.enum(CURRENCIES),
  /** The owner's own rate: units of the currency for one token. Used by the source `typed` only. */
  typedRate: rateTextSchema.nullable(),
  ...buyingLimitShape,
  /** Providers that may be asked for the same answer where this machine can't check it. Each one sees the prompt. */
  opinionsFrom: z.enum(OPINION_SOURCES),
  /** Maximum prices of batches, below those of live requests; null: the same. */
  batchPriceInputMax: baseUnitsSchema(SETTING_LIMITS.pricePerMillion).nullable(),
  batchPriceOutputMax: baseUnitsSchema(SETTING_LIMITS.pricePerMillion).nullable(),
  /** Run batches only from one hour of the day until another one begins, in local time; across midnight if that is earlier. */
  batchHoursOn: z.boolean(),
  batchFromHour: hourSchema,
  batchUntilHour: hourSchema,
  /** Disk space that the files of batches and their results may take. */
  batchBytesMax: z.number().int().min(SETTING_LIMITS.batchBytesMax.min).max(SETTING_LIMITS.batchBytesMax.max),
  /** The gateway's port is open for other programs. */
  gatewayOn: z.boolean(),
  /** Origins of web pages that may use the gateway with its key, for example `https://example.org`. */
  gatewayOrigins: z
    .array(
      z
        .string()
        .max(200)
        .regex(/^[a-z][a-z0-9+.-]*:\/\/[^/\s*%@?#\\]+$/),
    )
    .max(GATEWAY_EXCEPTIONS_MAX),
  /** Host names under which a proxy on this machine passes requests to the gateway. */
  gatewayHosts: z
    .array(
      z
        .string()
        .max(200)
        .regex(/^[a-z0-9.-]+$/),
    )
    .max(GATEWAY_EXCEPTIONS_MAX),
  /** Multiaddrs with a peer ID through which the open market is joined, in addition to those of the command line. */
  publicNodes: z
    .array(
      z
        .string()
        .max(300)
        .regex(/^\/(?:ip4|ip6|dns|dns4|dns6|dnsaddr)\/[^\s]+\/p2p\/[1-9A-HJ-NP-Za-km-z]{46,64}$/),
    )
    .max(PUBLIC_NODES_MAX),
  /** Find others of the open market in the public DHT of IPFS, and be found there. */
  publicDht: z.boolean(),
  /** TCP port that the owner's router forwards to this machine, the same on both; null: none. */
  forwardedPort: z.number().int().min(1_024).max(65_535).nullable(),
  /** Ask the router to lead a port to this machine, by UPnP or NAT-PMP, unless one is forwarded. */
  openPort: z.boolean(),
  /** IP address or host name at which the internet reaches that port; null: peers tell the address that they see. */
  publicHost: z
    .string()
    .max(253)
    .regex(/^[a-z0-9.:-]+$/)
    .nullable(),
  /** Engine servers that the owner added; their keys are elsewhere. */
  engineServers: engineServersSchema,
  /** Disk space that model files may take. */
  modelBudgetBytes: z
    .number()
    .int()
    .min(SETTING_LIMITS.modelBudgetBytes.min)
    .max(SETTING_LIMITS.modelBudgetBytes.max),
  /** Days after which a paid job's details give way to daily sums; null: never. */
  jobHistoryDays: z.literal(JOB_HISTORY_DAYS).nullable(),
  /** BCP 47 language tag of the pages, or `system`. */
  language: z.enum(LANGUAGE_CHOICES),
  /** The owner has seen or skipped the introduction. */
  welcomeSeen: z.boolean(),
  /** Color scheme of the pages. */
  appearance: z.enum(['system', 'light', 'dark']),
  startWithSystem: z.boolean(),
  /** A global hotkey pauses Idlewatt, see shared/hot-key.ts. */
  handBackKey: z.boolean(),
  notifications: z.boolean(),
  /** Look for updates daily, and download them. */
  updatesAutomatic: z.boolean(),
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
  pauseForOtherUsers: true,
  serveUnconfined: false,
  graphicsOff: [],
  processorOff: false,
  comfort: 4,
  graphicsMemoryBytesMax: null,
  modelMemoryBytesMax: null,
  modelIdleMinutes: 10,
  wattsMax: null,
  scheduleOn: false,
  schedule: everyDay(22, 8),
  onlyOffPeakHours: false,
  offPeakHours: everyDay(22, 6),
  workWatts: null,
  powerPriceMicroUsd: null,
  offPeakPowerPriceMicroUsd: null,
  priceInputPerMillion: '20000',
  priceOutputPerMillion: '80000',
  pricePolicy: 'fixed',
  priceLowestPercent: 50,
  priceHighestPercent: 200,
  batchDiscountPercent: 0,
  marketOn: true,
  sellTo: 'anybody',
  knownPeers: [],
  categoriesOff: [],
  jobPreference: 'pay',
  jobSourceOrder: [...JOB_SOURCES],
  storefrontOn: false,
  storefrontUrl: null,
  storefrontPort: STOREFRONT_PORT,
  storefrontMarginPercent: 10,
  hordeOn: false,
  hordeUrl: null,
  hordeWorkerName: null,
  hordeModels: [],
  hordeNsfw: false,
  bittensorHotkeys: [],
  bittensorNames: {},
  settleThreshold: '50000',
  // One thousandth of a coin: hundreds of times the usual cost of a claim on a rollup.
  networkFeeMax: '1000000000000000',
  coinPriceMicroUsd: null,
  rateSource: 'off',
  currency: 'EUR',
  typedRate: null,
  ...BUYING_DEFAULTS,
  opinionsFrom: 'known',
  batchPriceInputMax: null,
  batchPriceOutputMax: null,
  batchHoursOn: false,
  batchFromHour: 22,
  batchUntilHour: 6,
  batchBytesMax: 4_000_000_000,
  gatewayOn: true,
  gatewayOrigins: [],
  gatewayHosts: [],
  publicNodes: [],
  publicDht: false,
  forwardedPort: null,
  openPort: false,
  publicHost: null,
  engineServers: [],
  modelBudgetBytes: 20_000_000_000,
  jobHistoryDays: 90,
  language: 'system',
  welcomeSeen: false,
  appearance: 'system',
  startWithSystem: false,
  handBackKey: true,
  notifications: true,
  updatesAutomatic: true,
};
