/** Supplies the file of the served model: the owner's choice, retried every minute, or the bundled tiny model. */
import { isEngineServerModel } from '../../../shared/engine-servers.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { ModelFile } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { RecordStore } from '../../ports/store.ts';
import {
  CATALOGUE,
  DEFAULT_MODEL_ID,
  isLinkedModel,
  isOwnModel,
  type ModelStore,
  TINY_MODEL_ID,
} from '../models/index.ts';
import type { Notices } from '../notices/index.ts';

export interface ModelSupplyOptions {
  readonly models: Pick<ModelStore, 'ensure' | 'list' | 'findOwn'>;
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly log: Log;
  /** True where the bundled tiny model may be served while no source can be reached. */
  readonly tinyMayServe: boolean;
  /** A file is available, possibly a different one than before. */
  readonly onFile: () => void;
  /** No source can be reached, and there is no file. */
  readonly onMissing: () => void;
}

const COLLECTION = 'serving';
const KEY = 'model';
const RETRY_MS = 60_000;

export class ModelSupply {
  readonly #options: ModelSupplyOptions;
  readonly #stopping = new AbortController();
  #chosenId: string;
  #file: ModelFile | null = null;
  #retry: Timer | null = null;

  constructor(options: ModelSupplyOptions) {
    this.#options = options;
    this.#chosenId = readChoice(options.records.get(COLLECTION, KEY)) ?? DEFAULT_MODEL_ID;
  }

  get file(): ModelFile | null {
    return this.#file;
  }

  /** Model that is served, or is being downloaded for that. */
  get modelId(): string {
    return this.#file?.id ?? this.#chosenId;
  }

  /** Downloads the chosen model if need be. An unexpected error is a bug and ends the process. */
  async bring(): Promise<void> {
    const { models, notices } = this.#options;
    try {
      if (isOwnModel(this.#chosenId)) await models.findOwn();
      if (isLinkedModel(this.#chosenId) && !models.list().some(({ id }) => id === this.#chosenId))
        this.#chosenId = DEFAULT_MODEL_ID;
      this.#file = await models.ensure(this.#chosenId, { signal: this.#stopping.signal });
      notices.clear('no-source');
      notices.clear('tiny-model-fallback');
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      if (!isAppError(error)) throw error;
      if (!(await this.#fallBack(error))) return;
    }
    this.#options.onFile();
  }

  /** Stores another choice once its file is here. Fails as {@link ModelStore.ensure}, and with `unsupported`. */
  async choose(id: string): Promise<void> {
    const { models, records } = this.#options;
    const file = await models.ensure(id, { signal: this.#stopping.signal });
    if (models.list().find((model) => model.id === id)?.fit === 'does-not-fit') {
      throw new AppError('unsupported', `Model "${id}" needs more memory than this machine has.`);
    }
    this.#retry?.cancel();
    this.#chosenId = id;
    this.#file = file;
    records.set(COLLECTION, KEY, JSON.stringify(id));
    this.#options.onFile();
  }

  stop(): void {
    this.#stopping.abort();
    this.#retry?.cancel();
  }

  /** Schedules a retry; returns whether there is a file to serve meanwhile. */
  async #fallBack(cause: AppError): Promise<boolean> {
    const { models, notices, clock, log } = this.#options;
    const entry = { severity: 'warning' as const, details: { reason: cause.message } };
    log.warn('The model could not be downloaded', {
      model: this.#chosenId,
      code: cause.code,
      cause: cause.message,
      retryMs: RETRY_MS,
    });
    notices.show('no-source', entry);
    this.#retry = clock.after(RETRY_MS, () => void this.bring());
    if (!this.#options.tinyMayServe) {
      if (this.#file === null) this.#options.onMissing();
      return false;
    }
    this.#file ??= await models.ensure(TINY_MODEL_ID, { signal: this.#stopping.signal });
    notices.show('tiny-model-fallback', entry);
    return true;
  }
}

/** Returns the owner's choice if the catalog still has it, or if it is a file, a link or an engine server of theirs. */
function readChoice(text: string | null): string | null {
  const id: unknown = text === null ? null : JSON.parse(text);
  const name = String(id);
  const isOwn = isOwnModel(name) || isLinkedModel(name) || isEngineServerModel(name);
  return CATALOGUE.some((entry) => entry.id === id) || isOwn ? name : null;
}
