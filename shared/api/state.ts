/**
 * The state that pages show, in sections. A page receives all sections when it connects, and the changed
 * sections from then on. A value that wasn't measured or can't be read is null.
 */
import { z } from 'zod';
import { bittensorStateSchema } from '../bittensor.ts';
import { contactSchema } from '../contacts.ts';
import { engineServerStateSchema } from '../engine-servers.ts';
import { graphicsProblemSchema } from '../graphics-problems.ts';
import { hordeStateSchema } from '../horde.ts';
import { machinesStateSchema } from '../machines.ts';
import { modelFitSchema, modelStrengthSchema, modelSuitsSchema, modelUseSchema } from '../model-files.ts';
import { amountTextSchema, assetSchema } from '../money.ts';
import { networkChoiceSchema } from '../network-choice.ts';
import { presenceReasonSchema, presenceSchema } from '../presence.ts';
import { PRICE_REASONS, priceSchema } from '../price.ts';
import { PROFILES } from '../profiles.ts';
import { rateSchema } from '../rate.ts';
import { waysSchema } from '../reach.ts';
import { readingsSchema } from '../readings.ts';
import { receivableReasonSchema } from '../receivables.ts';
import { sandboxReportSchema } from '../sandbox.ts';
import { settingsSchema } from '../settings.ts';
import { shellFactsSchema } from '../shell-facts.ts';
import { storefrontStateSchema } from '../storefront.ts';
import { updateStateSchema } from '../updates.ts';
import { batchesStateSchema } from './batches.ts';

const nullableNumber = z.number().nullable();

export const profileSchema = z.enum(PROFILES);
export type Profile = z.infer<typeof profileSchema>;

/** A notice for the owner, with a stable code for translation. */
export const noticeSchema = z.object({
  code: z.enum([
    'tiny-model-fallback', // no real model is available: the practice network runs the bundled tiny one
    'chain-unavailable',
    'engine-gave-up',
    'no-source',
    'settlement-waiting',
    'clock-wrong',
    'practice-requester-stopped',
    'headless-shell-missing',
    'upgraded', // another version was installed; details.version is it
    'update-ready', // another version was downloaded; details.version is it
    'payout-for-all', // an owner set one payout address for all machines; details.address is it, details.by the machine
    'payout-next-start', // this machine pays out to another one until its next start
    'binding-ends', // the payout address has to sign again; details.until is the day (UTC), details.address the address
    'binding-ended', // its signature has ended
    'sandbox-missing', // parts of the engine's sandbox aren't active; details.parts lists them
  ]),
  severity: z.enum(['info', 'warning', 'error']),
  /** Facts for the text, for example the sources that were tried. */
  details: z.record(z.string(), z.union([z.string(), z.number()])),
});
export type Notice = z.infer<typeof noticeSchema>;

export const appStateSchema = z.object({
  version: z.string(),
  profile: profileSchema,
  /** `desktop`: the pages run in the desktop shell; `headless`: in a browser. */
  host: z.enum(['desktop', 'headless']),
  platform: z.string(),
  startedAtMs: z.number(),
  notices: z.array(noticeSchema),
  network: z.object({
    /** The network of this run. */
    active: networkChoiceSchema,
    /** The network of the next start. */
    chosen: networkChoiceSchema,
    /** True where options of the command line set the network. */
    isFixed: z.boolean(),
    /** True where a choice starts the agent again. */
    restarts: z.boolean(),
    /** True where public networks need `--passphrase-file`. */
    needsPassphraseFile: z.boolean(),
  }),
  /** Null without a desktop shell. */
  shell: shellFactsSchema.nullable(),
  updates: updateStateSchema,
});
export type AppState = z.infer<typeof appStateSchema>;

export const activeJobSchema = z.object({
  id: z.string(),
  model: z.string(),
  /** Short name of the requester's peer ID. */
  requester: z.string(),
  startedAtMs: z.number(),
  outputTokens: z.number().int(),
  /** Null until the engine has reported it. */
  inputTokens: z.number().int().nullable(),
  /** Output at which the job ends at the latest. */
  maxTokens: z.number().int(),
  /** Charge so far; null until the prompt is counted. */
  charge: amountTextSchema.nullable(),
  /** Measured since its first token; null before the second token. */
  tokensPerSecond: nullableNumber,
});

/** One hand-back of the machine to its owner. */
export const handBackSchema = z.object({
  atMs: z.number(),
  reason: presenceReasonSchema,
  /**
   * `killed`: the engine process was killed; `unloaded`: it wasn't computing, so only the model was unloaded;
   * `cancelled`: requests to an engine server were.
   */
  how: z.enum(['unloaded', 'killed', 'cancelled']),
  /**
   * From the decision to pause until the engine had stopped computing and all its memory was free; for an engine server,
   * until every request to it was closed.
   */
  durationMs: z.number().nonnegative(),
  /** Jobs that the hand-back ended. */
  jobs: z.number().int().nonnegative(),
});
export type HandBack = z.infer<typeof handBackSchema>;

export const workStateSchema = z.object({
  presence: presenceSchema,
  engine: z.enum(['stopped', 'loading', 'ready', 'restarting', 'gave-up']),
  /** ID of the main model. */
  model: z.string().nullable(),
  /** Models that are in memory, or are being loaded; the main one first. */
  loaded: z.array(
    z.object({
      model: z.string(),
      state: z.enum(['loading', 'ready', 'restarting']),
      jobs: z.number().int().nonnegative(),
    }),
  ),
  /** Compute backend of the engine, for example `cpu` or `cuda`. */
  backend: z.string().nullable(),
  threads: nullableNumber,
  /** Sandbox of the engine; null while none is loaded. */
  sandbox: sandboxReportSchema.nullable(),
  /** Reasons why the loaded engine doesn't use a library for GPUs that would be faster; empty while none is loaded. */
  graphicsProblems: z.array(graphicsProblemSchema),
  activeJobs: z.array(activeJobSchema),
  /** False if the owner turned off every source of jobs. */
  hasJobSource: z.boolean(),
  /** Total of the active jobs; the speed of the last finished job if none is active. */
  tokensPerSecond: nullableNumber,
  tokensPerSecondAtMs: nullableNumber,
  jobsToday: z.object({ served: z.number().int(), failed: z.number().int() }),
  /** Average earnings per hour in which the engine was allowed to run, over the last week; null before the first such hour. */
  perHour: z.object({ earned: amountTextSchema, hours: z.number().positive() }).nullable(),
  /** Newest first, up to 20. */
  handBacks: z.array(handBackSchema),
});

export const moneyStateSchema = z.object({
  asset: assetSchema,
  coin: assetSchema,
  /** For amounts in the owner's currency; null while the owner chose no source, or it reported nothing yet. */
  rate: rateSchema.nullable(),
  earnedToday: amountTextSchema,
  earnedThisWeek: amountTextSchema,
  earnedTotal: amountTextSchema,
  /** Charged, not yet claimed on-chain. */
  owed: amountTextSchema,
  /** Claimed on-chain, not yet paid out. */
  claimed: amountTextSchema,
  /** Received by the payout address, according to the ledger. */
  received: amountTextSchema,
  feesCoin: amountTextSchema,
  /** The one reason why the balance due hasn't been paid out yet; null if nothing is owed. */
  waitingReason: receivableReasonSchema.nullable(),
  settleThreshold: amountTextSchema,
  /** Current network fee of a payout, in base units of the coin; null while it is unknown. */
  payoutFee: amountTextSchema.nullable(),
  /** Units of the owner's currency for one coin; null while unknown. */
  coinPrice: z.number().positive().nullable(),
  /** The reason why the last query of rates failed, in one sentence; null if it didn't. */
  rateProblem: z.string().nullable(),
});

export const walletStateSchema = z.object({
  /** EVM address that receives money, with checksum; null while there is none. */
  address: z.string().nullable(),
  /** `watch-only`: earnings go to an address whose key isn't on this machine, so nothing can be sent. */
  kind: z.enum(['phrase', 'key', 'watch-only']),
  /** True once the owner has verified the backup; on a real network nothing is paid out before. Always true for watch-only. */
  backedUp: z.boolean(),
  /** Receives payouts: usually `address`, or another address that the owner set. */
  payoutAddress: z.string().nullable(),
  /** Holds the coin that pays for claims; differs from `address`. */
  feeAddress: z.string().nullable(),
  network: z.string(),
  networkName: z.string(),
  tokenBalance: amountTextSchema.nullable(),
  coinBalance: amountTextSchema.nullable(),
  balanceAtMs: nullableNumber,
  locked: z.boolean(),
});

/** Measured and predicted speed of a model on this machine. The two are never mixed. */
export const modelSpeedSchema = z.object({
  /** The newest measurement with no other jobs running. */
  measured: z
    .object({ decodeTokensPerSecond: z.number(), prefillTokensPerSecond: nullableNumber, atMs: z.number() })
    .nullable(),
  /** Predicted from costs fitted to other models on this backend; null if those don't apply to this model. */
  predicted: z
    .object({
      decodeTokensPerSecond: z.number(),
      prefillTokensPerSecond: z.number(),
      /** Error that is not exceeded by four of five of the fitted models when each is predicted from the others. */
      uncertaintyPercent: nullableNumber,
      atMs: z.number(),
      backend: z.string(),
      threads: z.number().int(),
    })
    .nullable(),
  /** For the newest measurement that had a prediction: the earlier prediction and the measured speed. */
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
  /** Year; null for a model that isn't in the catalog. */
  released: nullableNumber,
  parameters: z.string(),
  /** Parameters that each token is multiplied with, for a mixture of experts. */
  activeParameters: z.string().nullable(),
  quantisation: z.string(),
  contextTokens: z.number().int(),
  sizeBytes: z.number().int().nullable(),
  sha256: z.string().nullable(),
  fit: modelFitSchema,
  state: z.enum(['absent', 'downloading', 'verifying', 'ready', 'failed']),
  progress: z
    .object({
      receivedBytes: z.number().int(),
      totalBytes: z.number().int().nullable(),
      bytesPerSecond: nullableNumber,
      /** Display name of the source being downloaded from. */
      source: z.string(),
    })
    .nullable(),
  /** Reason of the last failed download, in one sentence. */
  error: z.string().nullable(),
  /** The main model: served, and loaded whenever work is permitted. */
  active: z.boolean(),
  /** The owner serves it alongside the main one: it is loaded when a job needs it. */
  further: z.boolean(),
  /** Ships with the app as a fallback only. */
  bundled: z.boolean(),
  /** The owner's own file. */
  own: z.boolean(),
  use: modelUseSchema,
  strengths: z.array(modelStrengthSchema),
  suits: modelSuitsSchema,
  /** Of these uses it is the first that fits and is fast enough. */
  bestFor: z.array(modelStrengthSchema),
  /** The file's page at the hub, for a model that the owner added by link. */
  link: z.string().nullable(),
  speed: modelSpeedSchema,
});
export type ModelEntry = z.infer<typeof modelEntrySchema>;

/** Libraries for GPUs that are fetched only if the owner asks for them. `progress` is null unless that is running. */
export const fetchedLibrariesSchema = modelEntrySchema
  .pick({ state: true, progress: true, error: true })
  .extend({
    downloadBytes: z.number().int(),
    /** On the disk afterwards. */
    diskBytes: z.number().int(),
  });
export type FetchedLibraries = z.infer<typeof fetchedLibrariesSchema>;

export const modelsStateSchema = z.object({
  /** The best for this machine first. */
  models: z.array(modelEntrySchema),
  /** The measurement that predictions are based on. */
  calibration: z.object({
    state: z.enum(['never', 'running', 'done', 'failed']),
    /** 0 to 1 while running. */
    progress: nullableNumber,
    /** Time at which the current costs were measured. */
    atMs: nullableNumber,
    /** True if other programs used CPU time during the measurement. */
    disturbed: z.boolean().nullable(),
    error: z.string().nullable(),
  }),
  engineServers: z.array(engineServerStateSchema),
  /** Current prices of the models on offer, in base units per million tokens. */
  quotes: z.array(
    z.object({
      model: z.string(),
      price: priceSchema,
      /** Price of lines of batches; null if it is the same. */
      batchPrice: priceSchema.nullable(),
      /** See `PriceReason`. */
      reason: z.enum(PRICE_REASONS),
    }),
  ),
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

/** One measurement. Its value is the median of its runs. */
export const measurementSchema = z.object({
  name: z.enum(['gpu-arithmetic', 'gpu-bandwidth', 'cpu-arithmetic', 'cpu-bandwidth', 'prefill', 'decode']),
  /** gpu.js mode (`webgpu`, `webgl2`, `webasm`, `cpu`) or the engine's backend. */
  mode: z.string(),
  value: z.number(),
  unit: z.enum(['gflops', 'gigabytes-per-second', 'tokens-per-second']),
  spreadPercent: nullableNumber,
  runs: z.number().int(),
  /** Conditions needed to interpret it, such as software renderer, model, threads or shape. */
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
  /** CUDA with its runtime; null if no card here needs it, or if this copy can't fetch it. */
  libraries: fetchedLibrariesSchema.nullable(),
  /** Sensor readings that the decision to run is based on. */
  readings: readingsSchema,
  benchmark: z.object({
    state: z.enum(['never', 'running', 'done', 'failed']),
    step: z.string().nullable(),
    /** 0 to 1 while running. */
    progress: nullableNumber,
    atMs: nullableNumber,
    measurements: z.array(measurementSchema),
    /** Modes that this machine lacks, with the reason. */
    unavailable: z.array(z.object({ mode: z.string(), reason: z.string() })),
    error: z.string().nullable(),
  }),
});

/** `closed`: the owner turned the gateway off; `in-use`: turned on, but another program has taken its port meanwhile. */
export const gatewayPortStateSchema = z.enum(['open', 'closed', 'in-use']);
export type GatewayPortState = z.infer<typeof gatewayPortStateSchema>;

export const networkStateSchema = z.object({
  peer: z.string(),
  addresses: z.array(z.string()),
  /** A peer from outside this machine's network has connected directly since the start. */
  isReachedFromOutside: z.boolean(),
  peers: z.array(
    z.object({
      peer: z.string(),
      connected: z.boolean(),
      source: z.enum(['mdns', 'address']),
      /** Multiaddr of the connection; null if it is unknown. */
      address: z.string().nullable(),
    }),
  ),
  /** Null outside the open market. */
  ways: waysSchema.nullable(),
  /** Hosts outside of this machine, the last contacted first. */
  contacts: z.array(contactSchema),
  inBytes: z.number(),
  outBytes: z.number(),
  gateway: z
    .object({
      baseUrl: z.string(),
      port: gatewayPortStateSchema,
      key: z.string(),
      model: z.string().nullable(),
    })
    .nullable(),
});

export const agentStateSchema = z.object({
  app: appStateSchema,
  work: workStateSchema,
  money: moneyStateSchema,
  wallet: walletStateSchema,
  models: modelsStateSchema,
  machine: machineStateSchema,
  network: networkStateSchema,
  batches: batchesStateSchema,
  horde: hordeStateSchema,
  storefront: storefrontStateSchema,
  bittensor: bittensorStateSchema,
  /** Null outside a private network. */
  machines: machinesStateSchema.nullable(),
  settings: settingsSchema,
});
export type AgentState = z.infer<typeof agentStateSchema>;
export type StateSection = keyof AgentState;

/** First the whole state, then only the changed sections. */
export const stateUpdateSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('whole'), state: agentStateSchema }),
  z.object({ type: z.literal('changed'), sections: agentStateSchema.partial() }),
]);
export type StateUpdate = z.infer<typeof stateUpdateSchema>;
