/** The models that the owner serves alongside the main one: those of the choice whose files are here. */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { ModelFile } from '../../ports/engine.ts';
import type { Log } from '../../ports/log.ts';
import type { RecordStore } from '../../ports/store.ts';
import { isOwnModel, type ModelStore } from '../models/index.ts';

export interface FurtherChoiceOptions {
  readonly models: Pick<ModelStore, 'ensure' | 'list' | 'findOwn'>;
  readonly records: RecordStore;
  readonly log: Log;
  /** The files have changed. */
  readonly onChange: () => void;
}

/** Each of them may have an engine process, and places for requests. */
export const FURTHER_MODELS_MAX = 8;
const COLLECTION = 'serving';
const KEY = 'further-models';

export class FurtherChoice {
  readonly #options: FurtherChoiceOptions;
  #ids: readonly string[];
  #files: readonly ModelFile[] = [];

  constructor(options: FurtherChoiceOptions) {
    this.#options = options;
    this.#ids = readIds(options.records.get(COLLECTION, KEY));
  }

  /** The owner's choice, whether its files are here or not. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  get files(): readonly ModelFile[] {
    return this.#files;
  }

  /** Looks for the files again; nothing is downloaded. An unexpected error is a bug and ends the process. */
  async bring(): Promise<void> {
    if (this.#ids.some(isOwnModel)) await this.#options.models.findOwn();
    const files: ModelFile[] = [];
    for (const id of this.#ids) {
      const file = await this.#fileOf(id);
      if (file !== null) files.push(file);
    }
    this.#setFiles(files);
  }

  /** Drops files that were removed. */
  check(): void {
    const remaining = this.#files.filter(({ id }) => this.#isHere(id));
    if (remaining.length < this.#files.length) this.#setFiles(remaining);
  }

  /** Serves the model too. Fails with `unsupported` without its file, and with `busy` if there are too many. */
  async add(id: string): Promise<void> {
    if (this.#ids.includes(id)) return;
    if (this.#ids.length >= FURTHER_MODELS_MAX) {
      const message = `Up to ${FURTHER_MODELS_MAX} models can be served alongside the main one. Turn one off first.`;
      throw new AppError('busy', message);
    }
    const file = await this.#fileOf(id);
    if (file === null)
      throw new AppError('unsupported', `Model "${id}" isn’t on this machine. Download it first.`);
    this.#setIds([...this.#ids, id]);
    this.#setFiles([...this.#files, file]);
  }

  remove(id: string): void {
    this.#setIds(this.#ids.filter((each) => each !== id));
    this.#setFiles(this.#files.filter((file) => file.id !== id));
  }

  #isHere(id: string): boolean {
    return this.#find(id)?.state === 'ready';
  }

  #find(id: string) {
    return this.#options.models.list().find((model) => model.id === id);
  }

  /** Null without a file. */
  async #fileOf(id: string): Promise<ModelFile | null> {
    const { models, log } = this.#options;
    if (!this.#isHere(id) && this.#find(id)?.own !== true) return null;
    try {
      return await models.ensure(id);
    } catch (error) {
      if (!isAppError(error)) throw error;
      log.warn('A further model can’t be served', { model: id, code: error.code, cause: error.message });
      return null;
    }
  }

  #setIds(ids: readonly string[]): void {
    this.#ids = ids;
    this.#options.records.set(COLLECTION, KEY, JSON.stringify(ids));
  }

  #setFiles(files: readonly ModelFile[]): void {
    this.#files = files;
    this.#options.onChange();
  }
}

function readIds(text: string | null): readonly string[] {
  const ids: unknown = text === null ? [] : JSON.parse(text);
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string').slice(0, FURTHER_MODELS_MAX) : [];
}
