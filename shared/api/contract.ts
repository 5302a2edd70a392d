/**
 * The API of the agent for its pages (over a message port in the desktop, over a WebSocket in a browser) and
 * for the desktop shell. It is defined once; server and clients derive their types from it.
 */
import { eventIterator, oc } from '@orpc/contract';
import { z } from 'zod';
import { answerCheckSchema } from '../answer-check.ts';
import { doingSchema } from '../doings.ts';
import { exportFormatSchema } from '../exports.ts';
import { forecastSchema, forecastScoreSchema } from '../forecast.ts';
import { JOB_SEARCH_CHARACTERS_MAX } from '../job-search.ts';
import { jobEventSchema, jobSchema } from '../jobs.ts';
import { payoutAddressSchema } from '../machines.ts';
import { HUB_LINK_CHARACTERS_MAX, hubAnswerSchema, refusedFileSchema } from '../model-files.ts';
import { amountTextSchema } from '../money.ts';
import { networkChoiceSchema } from '../network-choice.ts';
import { notificationSchema } from '../notification.ts';
import { ownerQuestionSchema } from '../owner-question.ts';
import { pairedBrowserSchema } from '../pairing.ts';
import { periodSchema } from '../period.ts';
import { pauseUntilSchema, presenceSchema, schedulePreviewSchema, startForSchema } from '../presence.ts';
import { readingsSchema } from '../readings.ts';
import { receivableReasonSchema, receivableStateSchema } from '../receivables.ts';
import { settingsPatchSchema, settingsSchema } from '../settings.ts';
import { shellFactsSchema } from '../shell-facts.ts';
import { startupSchema } from '../startup.ts';
import { aboutContract } from './about.ts';
import { batchesContract } from './batches.ts';
import { buyingContract } from './buying.ts';
import { channelsContract } from './channels.ts';
import { enginesContract } from './engines.ts';
import { hordeContract } from './horde.ts';
import { keysContract } from './keys.ts';
import { librariesContract } from './libraries.ts';
import { machinesContract, machinesShellContract } from './machines.ts';
import { backupNameSchema, maintenanceContract } from './maintenance.ts';
import { measurementSchema, stateUpdateSchema } from './state.ts';
import { storefrontContract, storefrontShellContract } from './storefront.ts';
import { updatesContract } from './updates.ts';
import { spendSummarySchema, walletContract, walletShellContract } from './wallet.ts';

const nothing = z.object({});

export const receivableSchema = z.object({
  channelId: z.string(),
  payer: z.string(),
  owed: amountTextSchema,
  claimed: amountTextSchema,
  /** Claimed over the channel's life, paid out or not. */
  claimedTotal: amountTextSchema,
  state: receivableStateSchema,
  reason: receivableReasonSchema,
});

export const dayEarningsSchema = z.object({
  /** Local calendar day, `YYYY-MM-DD`. */
  day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
  earned: amountTextSchema,
  jobs: z.number().int(),
  feesCoin: amountTextSchema,
});

const salesSchema = z.object({ earned: amountTextSchema, jobs: z.number().int() });

/** Earnings by where the jobs came from. */
export const networkEarningsSchema = z.object({
  /** Peers that bought what this machine computed. */
  market: salesSchema,
  /** Visitors of the storefront, before what their answers cost on the market. */
  storefront: salesSchema,
  /** Of all Hordes, in hundredths. */
  kudos: amountTextSchema,
});
export type NetworkEarnings = z.infer<typeof networkEarningsSchema>;

/** Earnings of a period and what they cost. Costs are in millionths of a US dollar, and null while unknown. */
export const earningsOverviewSchema = z.object({
  days: z.array(
    dayEarningsSchema.extend({ wattHours: z.number().nullable(), powerMicroUsd: z.number().nullable() }),
  ),
  networks: networkEarningsSchema,
  /** The highest earnings first, as with the devices. */
  models: z.array(z.object({ model: z.string(), earned: amountTextSchema, jobs: z.number().int() })),
  /** Without what the storefront sold. */
  devices: z.array(
    z.object({
      /** Null if it wasn't recorded, or if several were in use within the same quarter of an hour. */
      device: z.string().nullable(),
      several: z.boolean(),
      earned: amountTextSchema,
      jobs: z.number().int(),
    }),
  ),
  totals: z.object({
    earned: amountTextSchema,
    jobs: z.number().int(),
    feesCoin: amountTextSchema,
    feesMicroUsd: z.number().nullable(),
    /** Energy of the work beyond the idle machine. */
    wattHours: z.number().nullable(),
    powerMicroUsd: z.number().nullable(),
    /** Percentage of the time with a loaded engine in which the energy is known. */
    measuredPercent: z.number().nullable(),
    /** Part of the energy rests on the owner's figure (`workWatts`) instead of a sensor. */
    isEstimated: z.boolean(),
    netMicroUsd: z.number().nullable(),
  }),
});
export type EarningsOverview = z.infer<typeof earningsOverviewSchema>;

/** Energy of one job beyond the idle machine: an estimate from its time and the power draw of the work. */
export const jobEnergySchema = z.object({
  wattHours: z.number().nonnegative(),
  /** Millionths of a US dollar, at today's prices of the hour in which it started; null without a price. */
  microUsd: z.number().nonnegative().nullable(),
  watts: z.number().nonnegative(),
  /** `sensor`: the measured average of this machine; `setting`: the owner's figure. */
  source: z.enum(['sensor', 'setting']),
});
export type JobEnergy = z.infer<typeof jobEnergySchema>;

/** Tokens per second in equal steps of time from the first tokens to the last ones. */
export const speedCurveSchema = z.object({
  durationMs: z.number().positive(),
  /** Length of each step; the last one may be longer or shorter by up to half. */
  stepMs: z.number().positive(),
  tokensPerSecond: z.array(z.number().nonnegative()).readonly(),
});
export type SpeedCurve = z.infer<typeof speedCurveSchema>;

const daySchema = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

/** A ledger entry as the owner reads it. */
export const ledgerEntrySchema = z.object({
  id: z.string(),
  atMs: z.number(),
  kind: z.string(),
  description: z.string(),
  /** Hash of the transaction or ID of the job that caused it. */
  reference: z.string().nullable(),
  lines: z.array(z.object({ account: z.string(), assetId: z.string(), amount: amountTextSchema })),
});

/** Result of a gpu.js probe in the hidden window or the worker process. */
export const gpuProbeSchema = z.object({
  measurements: z.array(measurementSchema),
  unavailable: z.array(z.object({ mode: z.string(), reason: z.string() })),
  renderer: z.string().nullable(),
});
export type GpuProbeResult = z.infer<typeof gpuProbeSchema>;

/** Requests from the agent to the shell. */
export const shellRequestSchema = z.discriminatedUnion('type', [
  /** The owner chose another network: the agent has to start again. */
  z.object({ type: z.literal('restart') }),
  /** The owner restarts the app, for example after an upgrade. */
  z.object({ type: z.literal('relaunch') }),
  /** The shell shows it as the system's notification. */
  z.object({ type: z.literal('notify'), notification: notificationSchema }),
  z.object({ type: z.literal('probe-gpu'), id: z.string() }),
  /** The shell lets the owner choose a backup, copies it into the folder and calls `shell.answerBackup`. */
  z.object({ type: z.literal('choose-backup'), id: z.string(), folder: z.string() }),
  /** The shell shows the address to the owner and, if they agree, calls `shell.setPayoutForAll`. */
  z.object({ type: z.literal('confirm-payout-for-all'), address: payoutAddressSchema.nullable() }),
  /** The shell asks the owner and calls `shell.answerQuestion`. */
  z.object({ type: z.literal('confirm'), id: z.string(), question: ownerQuestionSchema }),
  /** The shell shows the facts to the owner and calls `shell.answerSpend`. */
  z.object({ type: z.literal('confirm-spend'), id: z.string(), summary: spendSummarySchema }),
]);
export type ShellRequest = z.infer<typeof shellRequestSchema>;

/** One hour of the local day. */
export const doneHourSchema = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  earned: amountTextSchema,
  /** The machine's state in most of it; null if Idlewatt didn't run, or had nothing to run with. */
  did: doingSchema.nullable(),
  /** Expected earnings in the rest of the hour; null for an hour that is over, and where nothing can be expected yet. */
  expected: amountTextSchema.nullable(),
});

/** Earnings that the rest of today is expected to bring, in base units, by what earlier days had free and worked. */
export const restOfDaySchema = z.object({
  expected: amountTextSchema,
  low: amountTextSchema,
  high: amountTextSchema,
  /** Earlier days that it rests on. */
  days: z.number().int().positive(),
});
export type RestOfToday = z.infer<typeof restOfDaySchema>;

/** A month. */
export const COMING_DAYS_MAX = 31;

/** By the free time and the jobs of earlier days, the owner's schedule, the measured speed and the own price. */
export const comingDaysSchema = z.object({
  /** In base units, without what is earned already. Today first, of which only the rest counts. */
  days: z.array(z.object({ day: daySchema, expected: amountTextSchema })),
  /** Earlier days that it rests on. */
  pastDays: z.number().int().positive(),
});
export type ComingDays = z.infer<typeof comingDaysSchema>;

export const contract = {
  /** Answers from the first moment of an agent without a desktop, when nothing else of the API does. */
  startup: {
    /** The current step, then each later one; ends after `serving`. */
    watch: oc.output(eventIterator(startupSchema)),
  },
  state: {
    /** Sends the whole state first, then each changed section as a whole. */
    watch: oc.output(eventIterator(stateUpdateSchema)),
  },
  presence: {
    pause: oc.input(z.object({ until: pauseUntilSchema })).output(presenceSchema),
    resume: oc.input(nothing).output(presenceSchema),
    /** Runs for a time although the owner uses the machine. */
    startNow: oc.input(z.object({ for: startForSchema.default('1-hour') })).output(presenceSchema),
    /** Ends that time: waits for the owner again. */
    endStart: oc.input(nothing).output(presenceSchema),
    /** The next 24 hours by schedule, off-peak hours and pause. */
    schedulePreview: oc.input(nothing).output(schedulePreviewSchema),
  },
  jobs: {
    list: oc
      .input(
        z.object({
          side: z.enum(['sold', 'bought']).optional(),
          outcome: z.enum(['all', 'served', 'failed']).default('all'),
          /** Only jobs created before this time, for paging. */
          beforeMs: z.number().optional(),
          limit: z.number().int().min(1).max(200).default(50),
          /** Only this model. */
          model: z.string().max(200).optional(),
          /** Part of a model, buyer or provider, or a whole ID. */
          search: z.string().trim().max(JOB_SEARCH_CHARACTERS_MAX).optional(),
        }),
      )
      .output(z.object({ jobs: z.array(jobSchema), more: z.boolean() })),
    show: oc.input(z.object({ id: z.string().max(100) })).output(
      z.object({
        job: jobSchema,
        events: z.array(jobEventSchema),
        /** Name of the device that computed it; null if it isn't known, changed meanwhile, or nothing was computed here. */
        device: z.string().nullable(),
        /** Null if nothing was computed here to its end, or the power draw isn't known. */
        energy: jobEnergySchema.nullable(),
        /** Speed of its tokens over its time; null for a bought job, or if it is no longer in memory. */
        speed: speedCurveSchema.nullable(),
        /** Of its answer: by this machine if it was bought, as its buyer reports if it was sold. Null for none. */
        check: answerCheckSchema.nullable(),
      }),
    ),
  },
  earnings: {
    byDay: oc
      .input(z.object({ days: z.number().int().min(1).max(366).default(30) }))
      .output(z.object({ days: z.array(dayEarningsSchema) })),
    /** Forecast for one day; null if the served model has not been measured. Scores are sorted newest first. */
    forecast: oc
      .input(z.object({ days: z.number().int().min(1).max(366).default(30) }))
      .output(z.object({ forecast: forecastSchema.nullable(), scores: z.array(forecastScoreSchema) })),
    /** The hours of today, 23 to 25, the coming ones included; `rest` is null while nothing can be expected. */
    today: oc
      .input(nothing)
      .output(z.object({ hours: z.array(doneHourSchema), rest: restOfDaySchema.nullable() })),
    byModel: oc.input(z.object({ days: z.number().int().min(1).max(366).default(30) })).output(
      z.object({
        models: z.array(z.object({ model: z.string(), earned: amountTextSchema, jobs: z.number().int() })),
      }),
    ),
    /** Of the last local days, today included. */
    byNetwork: oc
      .input(z.object({ days: z.number().int().min(1).max(366).default(30) }))
      .output(networkEarningsSchema),
    /** Of the local days of a calendar period so far. */
    overview: oc.input(z.object({ period: periodSchema })).output(earningsOverviewSchema),
    /** Expected earnings of the coming days; null while nothing can be expected. */
    coming: oc
      .input(z.object({ days: z.number().int().min(1).max(COMING_DAYS_MAX) }))
      .output(z.object({ coming: comingDaysSchema.nullable() })),
    /** The ledger as a file, in pieces. Both days are local and included; null is open. One export runs at a time. */
    export: oc
      .input(z.object({ format: exportFormatSchema, from: daySchema.nullable(), to: daySchema.nullable() }))
      .output(eventIterator(z.string())),
    receivables: oc.input(nothing).output(z.object({ receivables: z.array(receivableSchema) })),
    entries: oc
      .input(
        z.object({
          limit: z.number().int().min(1).max(500).default(100),
          kind: z.string().max(40).optional(),
        }),
      )
      .output(z.object({ entries: z.array(ledgerEntrySchema) })),
    /** Claims the balance due and pays it out now. Moves money only to the owner's own payout address. */
    settle: oc.input(nothing).output(
      z.object({
        claimed: amountTextSchema,
        received: amountTextSchema,
        claimTx: z.string().nullable(),
        settleTx: z.string().nullable(),
      }),
    ),
  },
  batches: batchesContract,
  buying: buyingContract,
  channels: channelsContract,
  keys: keysContract,
  storefront: storefrontContract,
  maintenance: maintenanceContract,
  wallet: walletContract,
  models: {
    download: oc.input(z.object({ id: z.string().max(200) })).output(nothing),
    cancel: oc.input(z.object({ id: z.string().max(200) })).output(nothing),
    remove: oc.input(z.object({ id: z.string().max(200) })).output(nothing),
    /** Serves this model alongside the main one, or no longer; it has to be here. */
    serveFurther: oc.input(z.object({ id: z.string().max(200), isOn: z.boolean() })).output(nothing),
    /** Makes this the main model, which is loaded whenever work is permitted. */
    activate: oc.input(z.object({ id: z.string().max(200) })).output(nothing),
    /** Looks for GGUF files in the folder for the owner's own ones, and names those that can't be used. */
    findOwn: oc.input(nothing).output(
      z.object({
        folder: z.string(),
        found: z.number().int(),
        refused: z.array(refusedFileSchema),
      }),
    ),
    /** Asks the hub what a link to a model file leads to. Downloads nothing but the file's header. */
    lookUpLink: oc
      .input(z.object({ link: z.string().min(1).max(HUB_LINK_CHARACTERS_MAX) }))
      .output(hubAnswerSchema),
    /** Adds and downloads the file that the owner has seen; returns the model's ID. */
    addByLink: oc
      .input(
        z.object({
          link: z.string().min(1).max(HUB_LINK_CHARACTERS_MAX),
          sha256: z.string().regex(/^[0-9a-f]{64}$/),
        }),
      )
      .output(z.object({ id: z.string() })),
    /** Expected income of a day for each model whose speed is known, measured or predicted, in base units. */
    incomes: oc.input(nothing).output(
      z.object({
        incomes: z.array(
          z.object({
            model: z.string(),
            low: amountTextSchema,
            high: amountTextSchema,
            isMeasured: z.boolean(),
          }),
        ),
      }),
    ),
  },
  /** Engine servers: other programs of the owner's that run models. Their state is in the models section. */
  engines: enginesContract,
  horde: hordeContract,
  benchmark: {
    run: oc.input(nothing).output(nothing),
    /** Measures the basis for predictions of other models. */
    calibrate: oc.input(nothing).output(nothing),
    history: oc
      .input(z.object({ limit: z.number().int().min(1).max(100).default(20) }))
      .output(
        z.object({ runs: z.array(z.object({ atMs: z.number(), measurements: z.array(measurementSchema) })) }),
      ),
  },
  about: aboutContract,
  updates: updatesContract,
  libraries: librariesContract,
  app: {
    /** Stores the network for the next start; `restarts` if that follows now. The page has asked the owner before. */
    chooseNetwork: oc
      .input(z.object({ network: networkChoiceSchema }))
      .output(z.object({ restarts: z.boolean() })),
    /** Starts the desktop app again as soon as no job runs. Fails with `unsupported` without it. */
    restart: oc.input(nothing).output(nothing),
  },
  settings: {
    change: oc.input(settingsPatchSchema).output(settingsSchema),
  },
  machines: machinesContract,
  /** Browsers with access of their own to the pages of an agent without a desktop. Empty in the desktop. */
  pairing: {
    list: oc.input(nothing).output(z.object({ browsers: z.array(pairedBrowserSchema) })),
    revoke: oc.input(z.object({ id: z.string().max(100) })).output(nothing),
  },
  /** For the desktop shell only. Calls from a page fail with `not-permitted`. */
  shell: {
    report: oc.input(readingsSchema.partial()).output(nothing),
    /** Facts about the shell's system. */
    describe: oc.input(shellFactsSchema).output(nothing),
    requests: oc.output(eventIterator(shellRequestSchema)),
    /** A code with which a browser is paired, and the address at which it is entered. */
    openPairingCode: oc
      .input(nothing)
      .output(z.object({ code: z.string(), url: z.url(), expiresAtMs: z.number() })),
    answerGpuProbe: oc.input(z.object({ id: z.string(), result: gpuProbeSchema })).output(nothing),
    failGpuProbe: oc.input(z.object({ id: z.string(), message: z.string().max(500) })).output(nothing),
    /** `name` is null if none was chosen; `problem` says why it could not be copied. */
    answerBackup: oc
      .input(
        z.object({
          id: z.string(),
          name: backupNameSchema.nullable(),
          problem: z.string().max(500).nullable(),
        }),
      )
      .output(nothing),
    /** The machine is about to sleep: first claims what is worth its fee. Returns within seconds. */
    suspending: oc.input(nothing).output(nothing),
    /** Shuts the agent down cleanly. */
    quit: oc.input(nothing).output(nothing),
    ...walletShellContract,
    /** The owner's answer to a request `confirm`. */
    answerQuestion: oc.input(z.object({ id: z.string(), approved: z.boolean() })).output(nothing),
    ...machinesShellContract,
    ...storefrontShellContract,
  },
};
export type Contract = typeof contract;
