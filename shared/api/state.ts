/**
 * The whole state that pages show, in sections. A page gets every section at once when it connects and
 * from then on the sections that changed. What was not measured or cannot be reached is null.
 */
import { z } from 'zod';
import { amountTextSchema, assetSchema } from '../money.ts';
import { presenceReasonSchema, presenceSchema } from '../presence.ts';
import { readingsSchema } from '../readings.ts';
import { receivableReasonSchema } from '../receivables.ts';
import { sandboxReportSchema } from '../sandbox.ts';
import { settingsSchema } from '../settings.ts';

const nullableNumber = z.number().nullable();

export const profileSchema = z.enum(['practice', 'office', 'open']);
export type Profile = z.infer<typeof profileSchema>;

/** Something that the owner should know, with a stable code for translation. */
export const noticeSchema = z.object({
  code: z.enum([
    'tiny-model-fallback', // no real model could be had: the practice network runs the bundled tiny one
    'chain-unavailable',
    'engine-gave-up',
    'no-source',
    'settlement-waiting',
    'practice-requester-stopped',
    'headless-shell-missing',
  ]),
  severity: z.enum(['info', 'warning', 'error']),
  /** Facts for the sentence, e.g. which sources were tried. */
  details: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type Notice = z.infer<typeof noticeSchema>;

export const appStateSchema = z.object({
  version: z.string(),
  profile: profileSchema,
  /** Where the pages run: in the desktop shell or in a browser. */
  host: z.enum(['desktop', 'headless']),
  platform: z.string(),
  startedAtMs: z.number(),
  notices: z.array(noticeSchema),
});

export const activeJobSchema = z.object({
  id: z.string(),
  model: z.string(),
  /** Short name of the requester's peer. */
  requester: z.string(),
  startedAtMs: z.number(),
  outputTokens: z.number().int(),
  /** Since its first token; null before there are two. */
  tokensPerSecond: nullableNumber,
});

/** One time that the machine was given back to its owner. */
export const handBackSchema = z.object({
  atMs: z.number(),
  reason: presenceReasonSchema,
  /** `killed`: the engine's process was ended; `unloaded`: it did not compute, and only the model went. */
  how: z.enum(['unloaded', 'killed']),
  /** From the decision until nothing computed any more and all memory was free. */
  durationMs: z.number().nonnegative(),
  /** Jobs that were ended by it. */
  jobs: z.number().int().nonnegative(),
});
export type HandBack = z.infer<typeof handBackSchema>;

export const workStateSchema = z.object({
  presence: presenceSchema,
  engine: z.enum(['stopped', 'loading', 'ready', 'restarting', 'gave-up']),
  /** The model that is served now. */
  model: z.string().nullable(),
  /** What computes, e.g. `cpu`, `cuda`. */
  backend: z.string().nullable(),
  threads: nullableNumber,
  /** What holds the engine; null while none is loaded. */
  sandbox: sandboxReportSchema.nullable(),
  activeJobs: z.array(activeJobSchema),
  /** Sum over the active jobs; with none active the last finished job's speed. */
  tokensPerSecond: nullableNumber,
  tokensPerSecondAtMs: nullableNumber,
  jobsToday: z.object({ served: z.number().int(), failed: z.number().int() }),
  /** What an hour of being allowed to work brought here, over the last week; null before there was one. */
  perHour: z.object({ earned: amountTextSchema, hours: z.number().positive() }).nullable(),
  /** Newest first, the last 20 at most. */
  handBacks: z.array(handBackSchema),
});

export const moneyStateSchema = z.object({
  asset: assetSchema,
  coin: assetSchema,
  earnedToday: amountTextSchema,
  earnedThisWeek: amountTextSchema,
  earnedTotal: amountTextSchema,
  /** Charged, not yet claimed on chain. */
  owed: amountTextSchema,
  /** Claimed on chain, not yet paid out. */
  claimed: amountTextSchema,
  /** Received by the payout address according to the books. */
  received: amountTextSchema,
  feesCoin: amountTextSchema,
  /** One plain reason why what is owed is not in the wallet yet; null when nothing is owed. */
  waitingReason: receivableReasonSchema.nullable(),
  settleThreshold: amountTextSchema,
});

export const walletStateSchema = z.object({
  /** Checksummed EVM address that receives; null while there is none. */
  address: z.string().nullable(),
  /** `watch-only`: earnings go to an address whose key is not on this machine, and nothing can be sent. */
  kind: z.enum(['phrase', 'key', 'watch-only']),
  /** Whether the owner proved to have the backup; a real network pays nothing out before. Watch-only: true. */
  backedUp: z.boolean(),
  /** Where earnings are paid out: usually `address`, or one that the owner named. */
  payoutAddress: z.string().nullable(),
  /** Holds the coin that pays for claims; apart from `address`. */
  feeAddress: z.string().nullable(),
  network: z.string(),
  networkName: z.string(),
  tokenBalance: amountTextSchema.nullable(),
  coinBalance: amountTextSchema.nullable(),
  balanceAtMs: nullableNumber,
  locked: z.boolean(),
});

/** Two things that are never mixed: what was measured here, and what is only expected. */
export const modelSpeedSchema = z.object({
  /** The newest measurement without other jobs. */
  measured: z
    .object({ decodeTokensPerSecond: z.number(), prefillTokensPerSecond: nullableNumber, atMs: z.number() })
    .nullable(),
  /** From costs that were fitted to other models on this backend; null where those say nothing of this one. */
  predicted: z
    .object({
      decodeTokensPerSecond: z.number(),
      prefillTokensPerSecond: z.number(),
      /** Four of five models that the costs were fitted on are off by less when predicted from the others. */
      uncertaintyPercent: nullableNumber,
      atMs: z.number(),
      backend: z.string(),
      threads: z.number().int(),
    })
    .nullable(),
  /** What was predicted before the newest measurement that had a prediction, and what was then measured. */
  score: z
    .object({
      predictedTokensPerSecond: z.number(),
      measuredTokensPerSecond: z.number(),
      errorPercent: z.number(),
      atMs: z.number(),
    })
    .nullable(),
});

export const modelEntrySchema = z.object({
  id: z.string(),
  name: z.string(),
  publisher: z.string(),
  license: z.string(),
  parameters: z.string(),
  quantisation: z.string(),
  contextTokens: z.number().int(),
  sizeBytes: z.number().int().nullable(),
  sha256: z.string().nullable(),
  fit: z.enum(['fits', 'tight', 'does-not-fit', 'unknown']),
  state: z.enum(['absent', 'downloading', 'verifying', 'ready', 'failed']),
  progress: z
    .object({
      receivedBytes: z.number().int(),
      totalBytes: z.number().int().nullable(),
      bytesPerSecond: nullableNumber,
      /** Which source is being read, in words. */
      source: z.string(),
    })
    .nullable(),
  /** Why the last download failed, one sentence. */
  error: z.string().nullable(),
  /** Served to the market now. */
  active: z.boolean(),
  /** Bundled with the app and only a last resort. */
  bundled: z.boolean(),
  speed: modelSpeedSchema,
});
export type ModelEntry = z.infer<typeof modelEntrySchema>;

export const modelsStateSchema = z.object({
  models: z.array(modelEntrySchema),
  /** What predictions rest on. */
  calibration: z.object({
    state: z.enum(['never', 'running', 'done', 'failed']),
    /** 0 to 1 while running. */
    progress: nullableNumber,
    /** When the costs in use were measured. */
    atMs: nullableNumber,
    /** Whether other programs took processor time meanwhile. */
    disturbed: z.boolean().nullable(),
    error: z.string().nullable(),
  }),
  usedBytes: z.number().int(),
  budgetBytes: z.number().int(),
});

export const deviceSchema = z.object({
  kind: z.enum(['cpu', 'gpu']),
  name: z.string(),
  /** Physical cores, for a CPU. */
  cores: nullableNumber,
  memoryBytes: nullableNumber,
  driver: z.string().nullable(),
});

/** One measurement: its value is the median of its runs. */
export const measurementSchema = z.object({
  name: z.enum(['gpu-arithmetic', 'gpu-bandwidth', 'cpu-arithmetic', 'cpu-bandwidth', 'prefill', 'decode']),
  /** gpu.js mode (`webgpu`, `webgl2`, `webasm`, `cpu`) or the engine's backend. */
  mode: z.string(),
  value: z.number(),
  unit: z.enum(['gflops', 'gigabytes-per-second', 'tokens-per-second']),
  spreadPercent: nullableNumber,
  runs: z.number().int(),
  /** Conditions that matter for reading it: software renderer, model, threads, shape. */
  conditions: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  atMs: z.number(),
});
export type Measurement = z.infer<typeof measurementSchema>;

export const machineStateSchema = z.object({
  hostname: z.string(),
  os: z.string(),
  devices: z.array(deviceSchema),
  memoryBytes: nullableNumber,
  freeMemoryBytes: nullableNumber,
  cpuLoadPercent: nullableNumber,
  temperatureCelsius: nullableNumber,
  watts: nullableNumber,
  readAtMs: nullableNumber,
  /** What the decision to run rests on. */
  readings: readingsSchema,
  benchmark: z.object({
    state: z.enum(['never', 'running', 'done', 'failed']),
    step: z.string().nullable(),
    /** 0 to 1 while running. */
    progress: nullableNumber,
    atMs: nullableNumber,
    measurements: z.array(measurementSchema),
    /** Modes that this machine does not have, with the reason. */
    unavailable: z.array(z.object({ mode: z.string(), reason: z.string() })),
    error: z.string().nullable(),
  }),
});

export const networkStateSchema = z.object({
  peer: z.string(),
  addresses: z.array(z.string()),
  peers: z.array(z.object({ peer: z.string(), connected: z.boolean(), source: z.enum(['mdns', 'address']) })),
  inBytes: z.number(),
  outBytes: z.number(),
  gateway: z.object({ baseUrl: z.string(), key: z.string(), model: z.string().nullable() }).nullable(),
});

export const agentStateSchema = z.object({
  app: appStateSchema,
  work: workStateSchema,
  money: moneyStateSchema,
  wallet: walletStateSchema,
  models: modelsStateSchema,
  machine: machineStateSchema,
  network: networkStateSchema,
  settings: settingsSchema,
});
export type AgentState = z.infer<typeof agentStateSchema>;
export type StateSection = keyof AgentState;

/** First the whole state, then the sections that changed. */
export const stateUpdateSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('whole'), state: agentStateSchema }),
  z.object({ type: z.literal('changed'), sections: agentStateSchema.partial() }),
]);
export type StateUpdate = z.infer<typeof stateUpdateSchema>;
