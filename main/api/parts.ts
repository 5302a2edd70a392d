/** The parts of the agent that the API serves. */
import type { AnswerCheck } from '../../shared/answer-check.ts';
import type { About } from '../../shared/api/about.ts';
import type { BackupFacts, KeptFile, RestoreResult } from '../../shared/api/maintenance.ts';
import type { Job } from '../../shared/jobs.ts';
import type { MachineOrder } from '../../shared/machines.ts';
import type { Asset } from '../../shared/money.ts';
import type { NetworkChoice } from '../../shared/network-choice.ts';
import type { Period } from '../../shared/period.ts';
import type { Settings, SettingsPatch } from '../../shared/settings.ts';
import type { Startup } from '../../shared/startup.ts';
import type { Batches } from '../core/batches/index.ts';
import type { Benchmark, Predictions } from '../core/benchmark/index.ts';
import type { Calendar } from '../core/calendar/index.ts';
import type { JobEnergy, Overview } from '../core/earnings/index.ts';
import type { EngineServers } from '../core/engine-servers/index.ts';
import type { ForecastService, ModelIncome } from '../core/forecast/index.ts';
import type { OfferedNow } from '../core/gateway/index.ts';
import type { GatewayKeys } from '../core/gateway-keys/index.ts';
import type { GraphicsLibraries } from '../core/graphics-libraries/index.ts';
import type { ExportRequest, HistoryReads } from '../core/history/index.ts';
import type { Jobs } from '../core/jobs/index.ts';
import type { Ledger } from '../core/ledger/index.ts';
import type { Invitations, MachineRoster, SharedRules } from '../core/machines/index.ts';
import type { LinkedModels } from '../core/model-hub/index.ts';
import type { ModelStore } from '../core/models/index.ts';
import type { Pairing } from '../core/pairing/index.ts';
import type { DepositReturns } from '../core/payments/index.ts';
import type { Doings, PresenceService } from '../core/presence/index.ts';
import type { SpeedCurve } from '../core/provider/index.ts';
import type { SettingsService } from '../core/settings/index.ts';
import type {
  AbuseReports,
  BlockList,
  CustomerKeys,
  CustomerList,
  CustomerPayouts,
} from '../core/storefront/index.ts';
import type { Updates } from '../core/updates/index.ts';
import type { Confirmations, Secrets, Spending } from '../core/wallet/index.ts';
import type { Settlement } from '../ports/chain.ts';
import type { Log } from '../ports/log.ts';
import type { ShellLink } from './shell-link.ts';
import type { StateHub } from './state-hub.ts';

/** Yields the steps of the agent's start; ends after `serving`. */
export type WatchStartup = (signal: AbortSignal | undefined) => AsyncGenerator<Startup, void, void>;

type Later<Read> = Read extends (...args: infer Args) => infer Result
  ? (...args: Args) => Promise<Result>
  : never;

export type HistoryService = {
  readonly [Name in keyof Omit<HistoryReads, 'export'>]: Later<HistoryReads[Name]>;
} & {
  /** Yields pieces that fit into a message. */
  export(request: ExportRequest): AsyncIterable<string>;
  /** A page was opened: its first read shouldn't wait. */
  warm(): void;
};

/** If a part doesn't exist in a role, its procedures fail with `unsupported`. */
export interface ApiParts {
  readonly hub: StateHub;
  readonly watchStartup: WatchStartup;
  readonly presence: PresenceService;
  readonly jobs: Jobs;
  readonly ledger: Ledger;
  readonly doings: Pick<Doings, 'today'>;
  readonly settings: SettingsService;
  /** Changes settings here, and in a private network those that are set for all machines there. */
  readonly changeSettings: (patch: SettingsPatch) => Settings | Promise<Settings>;
  readonly benchmark: Benchmark;
  readonly predictions: Predictions;
  readonly models: ModelStore;
  readonly linkedModels: LinkedModels;
  readonly settlement: Settlement;
  readonly forecasts: ForecastService;
  readonly earnings: {
    overview(days: number): Promise<Overview>;
    /** Names what computed a job, and estimates what that took; null where it isn't known. */
    workOf(job: Job): { readonly device: string | null; readonly energy: JobEnergy | null };
  };
  /** Speed of a sold job over its time; null where it isn't known. */
  readonly speedOf: (jobId: string) => SpeedCurve | null;
  /** The result of a check of its answer: here if it was bought, at its buyer if it was sold. Null for none. */
  readonly checkOf: (job: Job) => AnswerCheck | null;
  /** Reads the past without taking time from the thread that serves. */
  readonly history: HistoryService;
  readonly calendar: Calendar;
  /** Number of local days of the calendar period so far. */
  readonly daysIn: (period: Period) => number;
  readonly upgrade: { restart(prepare?: () => Promise<void>): void };
  readonly updates: Pick<Updates, 'check' | 'install'>;
  readonly libraries: Pick<GraphicsLibraries, 'fetch' | 'cancel' | 'remove'>;
  readonly about: { read(): About; licenses(): Promise<string> };
  readonly maintenance: {
    list(): {
      readonly backups: readonly KeptFile[];
      readonly reports: readonly KeptFile[];
      readonly backupFolder: string;
      readonly lastRestore: RestoreResult | null;
    };
    backup(): Promise<KeptFile>;
    report(): Promise<KeptFile>;
    inspect(name: string): Promise<BackupFacts>;
    restore(choice: {
      readonly name: string;
      readonly checksum: string;
      readonly acceptsEntriesLost: number;
    }): { readonly restarts: boolean };
  };
  readonly buying: {
    spentDay(): bigint;
    offers(): readonly OfferedNow[];
  };
  readonly gatewayKeys: Pick<GatewayKeys, 'list' | 'add' | 'change' | 'revoke'>;
  /** Null while it is off. */
  readonly storefront: () => {
    readonly asset: Asset;
    readonly customers: Pick<CustomerKeys, 'add' | 'credit' | 'revoke' | 'account' | 'nameOf'>;
    readonly listCustomers: () => CustomerList;
    readonly payouts: Pick<CustomerPayouts, 'payOut' | 'paidBack'>;
    readonly blocks: Pick<BlockList, 'list' | 'add' | 'remove'>;
    readonly reports: Pick<AbuseReports, 'list'>;
  } | null;
  readonly batches: Batches;
  /** Expected income of a day by model. */
  readonly incomes: () => readonly ModelIncome[];
  /** Serves this model from now on. */
  readonly activateModel: (id: string) => Promise<void>;
  readonly serveFurther: (id: string, isOn: boolean) => Promise<void>;
  /** The served model; null where nothing is sold. */
  readonly servedModel: () => string | null;
  readonly engineServers: Pick<EngineServers, 'search' | 'add' | 'remove' | 'choose'>;
  /** Fails with `disk-full` or `disk-unwritable`. */
  readonly horde: { setKey(key: string | null): void };
  readonly refreshBalances: () => Promise<void>;
  readonly depositReturns: DepositReturns;
  readonly spending: Spending;
  readonly confirmations: Confirmations;
  readonly secrets: Secrets;
  /** Null outside a private network. */
  readonly machines: {
    readonly invitations: Pick<Invitations, 'open' | 'close'>;
    readonly roster: Pick<MachineRoster, 'machines' | 'remove' | 'setPayout'>;
    readonly rules: Pick<SharedRules, 'share'>;
    join(code: string): Promise<{ readonly restarts: boolean }>;
    leave(): Promise<{ readonly restarts: boolean }>;
    /** Of all machines, if `peer` is null; resolves with the names of those that didn't take the order. */
    order(peer: string | null, order: MachineOrder): Promise<readonly string[]>;
    /** True on an owner's machine. */
    isOwner(): boolean;
  } | null;
  /** Null among machines that work for each other only. */
  readonly membership: {
    join(code: string): Promise<{ readonly restarts: boolean }>;
    found(): Promise<{ readonly restarts: boolean }>;
  } | null;
  /** Returns the address in its one notation. Fails with `bad-request`. */
  readonly readAddress: (text: string) => string;
  /** Null in the desktop. */
  readonly pairing: (Pairing & { readonly url: string }) | null;
  readonly networkSwitch: { choose(network: NetworkChoice): { readonly restarts: boolean } };
  readonly shell: ShellLink;
  readonly assetId: string;
  readonly coinId: string;
  readonly quit: () => void;
  /** Receives unexpected failures. */
  readonly log: Log;
}
