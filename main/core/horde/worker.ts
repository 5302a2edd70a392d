/**
 * Works for an AI Horde: asks for one job at a time while this machine may compute and no job that the owner prefers wants
 * the slot, and pauses the worker there while the owner needs the machine.
 */
import {
  HORDE_SKIPS,
  type HordeModel,
  type HordeSkip,
  type HordeState,
  type HordeStateName,
  hordePeer,
  kudosAsset,
} from '../../../shared/horde.ts';
import type { Presence } from '../../../shared/presence.ts';
import type { Timer } from '../../ports/clock.ts';
import type { HordeCause, HordeFailure, HordeJob, HordeServer } from '../../ports/horde.ts';
import type { RecordStore } from '../../ports/store.ts';
import type { Ledger } from '../ledger/index.ts';
import { createDrops, type Drops } from './drops.ts';
import { answerHordeJob, dropHordeJob, endOpenJobs, type HordeJobContext } from './job.ts';
import { canEnd, commonLimits, type HordeLimits, type HordeSpeeds, limitsOf } from './limits.ts';
import { createOpenJobs, type OpenJobs } from './open-jobs.ts';
import { type RememberedWorker, rememberWorker } from './remembered.ts';

/** The owner's choices. */
export interface HordeChoice {
  readonly isOn: boolean;
  /** Null where no server is to be asked. */
  readonly url: string | null;
  readonly key: string | null;
  /** Null for the name that was drawn. */
  readonly workerName: string | null;
  readonly models: readonly HordeModel[];
  readonly nsfw: boolean;
}

/** A model that is loaded now. */
export interface HordeCandidate {
  readonly id: string;
  readonly contextTokens: number;
  readonly speeds: HordeSpeeds;
}

export interface HordeWorkerOptions
  extends Omit<HordeJobContext, 'server' | 'url' | 'open' | 'drops' | 'stopping' | 'ledger'> {
  readonly choice: () => HordeChoice;
  readonly connect: (target: { readonly url: string; readonly key: string }) => HordeServer;
  readonly candidates: () => readonly HordeCandidate[];
  readonly presence: () => Presence;
  readonly ledger: Pick<Ledger, 'kudosReceived' | 'balance'>;
  readonly records: RecordStore;
  /** Draws a name that no other worker has. */
  readonly newName: () => string;
  readonly onChange: () => void;
}

export interface HordeWorker {
  state(): HordeState;
  /** The owner's choices have changed: what failed before is tried again. */
  chosen(): void;
  /** Something else has changed that decides whether jobs may run. */
  wake(): void;
  /** Drops the job in progress and tells the server; resolves then. */
  stop(): Promise<void>;
}

/** Between two polls without a job: the server counts one per 30 s. */
const POLL_MS = { first: 10_000, most: 30_000, growth: 1.5 };
const AFTER_JOB_MS = 500;
const BUSY_MS = 5_000;
const MODELS_MS = 30_000;
/** A pause of the owner's that lasts this long is shown at the server. */
const PAUSE_TOLD_MS = 20_000;
const UNEXPECTED_MS = 300_000;
const TTL_MS_DEFAULT = 150_000;
const TTL_MS = { min: 20_000, max: 600_000 };
/** Delays are longer or shorter by up to this share. */
const JITTER = 0.2;
/** First and longest delay after a failure; null: until the owner changes something. */
const BACKOFF_MS: Readonly<Record<HordeCause, readonly [first: number, most: number] | null>> = {
  'key-refused': null,
  anonymous: null,
  maintenance: [300_000, 1_800_000],
  duplicate: [30_000, 300_000],
  gone: [30_000, 300_000],
  limited: [60_000, 900_000],
  refused: [300_000, 3_600_000],
  unreachable: [30_000, 900_000],
  malformed: [300_000, 3_600_000],
};
const NEVER = Number.POSITIVE_INFINITY;

export function createHordeWorker(options: HordeWorkerOptions): HordeWorker {
  const worker = new Worker(options);
  return {
    state: () => worker.state(),
    chosen: () => worker.wake(true),
    wake: () => worker.wake(false),
    stop: () => worker.stop(),
  };
}

/** A server with which the worker can talk. */
interface Target {
  readonly url: string;
  readonly server: HordeServer;
  readonly workerName: string;
  /** Server and worker. */
  readonly place: string;
}

/** A chosen model that is loaded, with the jobs that it can end. */
interface Usable extends HordeModel {
  readonly limits: HordeLimits;
  readonly speeds: HordeSpeeds;
  /** Longest time until a job that is asked for now has a slot. */
  readonly waitMs: number;
}

class Worker {
  readonly #options: HordeWorkerOptions;
  readonly #open: OpenJobs;
  readonly #drops: Drops;
  readonly #remembered: RememberedWorker;
  readonly #stopping = new AbortController();
  #state: HordeStateName = 'off';
  #message: string | null = null;
  #skipped: HordeState['skipped'] = [];
  #usable: readonly Usable[] = [];
  #ttlMs = TTL_MS_DEFAULT;
  #connection: { readonly url: string; readonly key: string; readonly server: HordeServer } | null = null;
  #timer: Timer | null = null;
  #turn: Promise<void> | null = null;
  #isWoken = false;
  /** On the monotonic clock: nothing is sent before. */
  #notBeforeMs = 0;
  #pollMs = POLL_MS.first;
  #failures = 0;

  constructor(options: HordeWorkerOptions) {
    this.#options = options;
    this.#open = createOpenJobs(options.records);
    this.#drops = createDrops(options.records, options.clock);
    this.#remembered = rememberWorker(options.records, options.newName);
  }

  state(): HordeState {
    const { choice, ledger } = this.#options;
    const { url, key, workerName } = choice();
    const peer = url === null ? null : hordePeer(url);
    return {
      host: url === null ? null : new URL(url).host,
      hasKey: key !== null,
      workerName: workerName ?? this.#remembered.current.name,
      state: this.#state,
      message: this.#message,
      skipped: [...this.#skipped],
      models: this.#usable.map(({ id, name, limits }) => ({ id, name, ...limits })),
      kudos: peer === null ? '0' : ledger.balance('standing', kudosAsset(peer).id).toString(),
      dropped: this.#drops.count(),
    };
  }

  wake(isFresh: boolean): void {
    if (isFresh) {
      this.#notBeforeMs = 0;
      this.#failures = 0;
      this.#pollMs = POLL_MS.first;
    }
    this.#isWoken = true;
    if (this.#turn === null) this.#schedule(0);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#timer?.cancel();
    await this.#turn;
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#stopping.signal.aborted || delayMs === NEVER) return;
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#turn ??= this.#takeTurn();
    });
  }

  async #takeTurn(): Promise<void> {
    this.#isWoken = false;
    let delayMs = UNEXPECTED_MS;
    try {
      delayMs = await this.#step();
    } catch (error) {
      if (!this.#stopping.signal.aborted)
        this.#options.log.error('The worker for the AI Horde failed', error);
    }
    this.#turn = null;
    this.#options.onChange();
    this.#schedule(this.#isWoken ? 0 : delayMs);
  }

  /** Does what there is to do; returns the time until the next step. */
  async #step(): Promise<number> {
    const target = this.#target();
    if (target === null) return NEVER;
    const leftMs = this.#notBeforeMs - this.#options.clock.monotonic();
    const { decision } = this.#options.presence();
    if (leftMs > 0) {
      const isShown = this.#state === 'paused';
      if (decision === 'pause' && this.#failures === 0) this.#show('paused');
      else if (decision !== 'pause' && isShown) this.#show('waiting');
      return leftMs;
    }
    const context = { ...this.#options, ...this.#parts(target) };
    const left = await endOpenJobs(context);
    if (left !== null) return this.#backOff(left);
    if (decision === 'pause') return this.#pauseThere(target);
    const paused = await this.#resumeThere(target);
    if (paused !== null) return this.#backOff(paused);
    const waitMs = this.#drops.waitMs();
    if (waitMs > 0) {
      this.#show('dropped');
      return waitMs;
    }
    return this.#poll(target, context);
  }

  #parts({ server, url }: Target): Pick<HordeJobContext, 'server' | 'url' | 'open' | 'drops' | 'stopping'> {
    return { server, url, open: this.#open, drops: this.#drops, stopping: this.#stopping.signal };
  }

  /** Null if the owner has to do something first, which the state then names. */
  #target(): Target | null {
    const { isOn, url, key, workerName: typed, models } = this.#options.choice();
    const missing =
      (!isOn && 'off') ||
      (url === null && 'no-address') ||
      (key === null && 'no-key') ||
      (models.length === 0 && 'no-model');
    if (missing || url === null || key === null) {
      this.#show(missing || 'off');
      return null;
    }
    if (this.#connection?.url !== url || this.#connection.key !== key) {
      this.#connection = { url, key, server: this.#options.connect({ url, key }) };
    }
    const workerName = typed ?? this.#remembered.current.name;
    return { url, server: this.#connection.server, workerName, place: `${url} ${workerName}` };
  }

  /** Pauses the worker at the server once the pause has lasted for a while. */
  async #pauseThere({ server, workerName, place }: Target): Promise<number> {
    this.#show('paused');
    const { known, paused } = this.#remembered.current;
    if (known !== place || paused === place) return NEVER;
    const { reason, sinceMs } = this.#options.presence();
    const earlyMs = PAUSE_TOLD_MS - (this.#options.clock.now() - sinceMs);
    if (earlyMs > 0) return earlyMs;
    // First, so that a crash in between doesn't leave it paused.
    this.#remembered.change({ paused: place });
    const message = `Paused by its machine: ${reason.replaceAll('-', ' ')}.`;
    const answer = await server.setMaintenance(workerName, message, this.#stopping.signal);
    if (answer.kind === 'done') return NEVER;
    this.#remembered.change({ paused: null });
    return this.#backOff(answer, 'paused');
  }

  /** Ends the pause that this program set at the server, and no other. */
  async #resumeThere({ server, workerName, place }: Target): Promise<HordeFailure | null> {
    if (this.#remembered.current.paused !== place) return null;
    const answer = await server.setMaintenance(workerName, null, this.#stopping.signal);
    if (answer.kind === 'failed' && answer.cause !== 'gone') return answer;
    this.#remembered.change({ paused: null });
    return null;
  }

  async #poll(target: Target, context: HordeJobContext): Promise<number> {
    const usable = this.#usableModels();
    if (typeof usable === 'string') {
      this.#show(usable);
      return MODELS_MS;
    }
    const free = usable.flatMap((model) => this.#afterWait(model));
    if (free.length === 0) {
      this.#show('busy');
      return BUSY_MS;
    }
    const limits = commonLimits(free.map((each) => each.limits));
    const request = {
      workerName: target.workerName,
      models: free.map(({ name }) => name),
      answerTokensMax: limits.answerTokens,
      contextTokensMax: limits.contextTokens,
      nsfw: this.#options.choice().nsfw,
    };
    const answer = await target.server.pop(request, this.#stopping.signal);
    if (answer.kind === 'failed') return this.#backOff(answer);
    this.#failures = 0;
    if (this.#remembered.current.known !== target.place) this.#remembered.change({ known: target.place });
    if (answer.kind === 'none') {
      this.#skipped = skippedOf(answer.skipped);
      this.#show('waiting');
      const delayMs = this.#jittered(this.#pollMs);
      this.#pollMs = Math.min(POLL_MS.most, this.#pollMs * POLL_MS.growth);
      return this.#waitAtLeast(delayMs);
    }
    this.#pollMs = POLL_MS.first;
    this.#show('working');
    const failure =
      answer.kind === 'job'
        ? await this.#take(context, answer.job, free, limits)
        : await dropHordeJob(context, answer.id);
    if (failure !== null) return this.#backOff(failure);
    this.#show('waiting');
    return this.#waitAtLeast(AFTER_JOB_MS);
  }

  async #take(
    context: HordeJobContext,
    job: HordeJob,
    models: readonly Usable[],
    limits: HordeLimits,
  ): Promise<HordeFailure | null> {
    const model = models.find(({ name }) => name === job.model);
    this.#ttlMs = Math.min(TTL_MS.max, Math.max(TTL_MS.min, job.ttlMs));
    const isPossible =
      model !== undefined && canEnd({ ...job, ttlMs: job.ttlMs - model.waitMs }, limits, model.speeds);
    if (!isPossible) return dropHordeJob(context, job.id);
    return answerHordeJob(context, { job, model: model.id, limits });
  }

  /** The model with the jobs that it can end after waiting for a slot; none while jobs come first that the owner prefers. */
  #afterWait(model: Usable): readonly Usable[] {
    const waitMs = this.#options.other.waitMs(model.id, model.speeds.decodeTokensPerSecond ?? 0);
    if (waitMs === null) return [];
    if (waitMs === 0) return [model];
    const limits = limitsOf(model.speeds, model.limits.contextTokens, this.#ttlMs - waitMs);
    return typeof limits === 'string' ? [] : [{ ...model, limits, waitMs }];
  }

  /** The chosen models that are loaded and end jobs in time; otherwise the reason why there are none. */
  #usableModels(): readonly Usable[] | 'no-model' | 'unmeasured' | 'too-slow' {
    const { choice, candidates } = this.#options;
    const loaded = candidates();
    let reason: 'no-model' | 'unmeasured' | 'too-slow' = 'no-model';
    this.#usable = choice().models.flatMap((model): Usable[] => {
      const candidate = loaded.find(({ id }) => id === model.id);
      if (candidate === undefined) return [];
      const { speeds, contextTokens } = candidate;
      const limits = limitsOf(speeds, contextTokens, this.#ttlMs);
      if (typeof limits !== 'string') return [{ ...model, limits, speeds, waitMs: 0 }];
      reason = limits;
      return [];
    });
    return this.#usable.length > 0 ? this.#usable : reason;
  }

  #backOff(failure: HordeFailure, shown: HordeStateName = stateOf(failure)): number {
    this.#show(shown, failure.message);
    const range = BACKOFF_MS[failure.cause];
    if (range === null) {
      this.#notBeforeMs = NEVER;
      return NEVER;
    }
    const [firstMs, mostMs] = range;
    const delayMs = this.#jittered(Math.min(mostMs, firstMs * 2 ** this.#failures));
    this.#failures = Math.min(16, this.#failures + 1);
    return this.#waitAtLeast(Math.max(delayMs, failure.retryAfterMs ?? 0));
  }

  /** Also a change that wakes the worker doesn't shorten this. */
  #waitAtLeast(delayMs: number): number {
    this.#notBeforeMs = this.#options.clock.monotonic() + delayMs;
    return delayMs;
  }

  #jittered(delayMs: number): number {
    return delayMs * (1 - JITTER + 2 * JITTER * this.#options.random());
  }

  #show(state: HordeStateName, message: string | null = null): void {
    if (state === this.#state && message === this.#message) return;
    this.#state = state;
    this.#message = message;
    if (state !== 'waiting') this.#skipped = [];
    if (state !== 'waiting' && state !== 'working' && state !== 'busy') {
      this.#options.log.info('The worker for the AI Horde is in another state', { state });
    }
    this.#options.onChange();
  }
}

function stateOf({ cause }: HordeFailure): HordeStateName {
  return cause === 'duplicate' || cause === 'gone' ? 'refused' : cause;
}

function skippedOf(counts: Readonly<Record<string, number>>): HordeState['skipped'] {
  const sums = new Map<HordeSkip, number>();
  for (const [name, jobs] of Object.entries(counts)) {
    const reason = HORDE_SKIPS.find((known) => known === name) ?? 'other';
    sums.set(reason, (sums.get(reason) ?? 0) + jobs);
  }
  return [...sums].map(([reason, jobs]) => ({ reason, jobs })).sort((left, right) => right.jobs - left.jobs);
}
