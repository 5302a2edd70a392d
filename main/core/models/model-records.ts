/** The models of one data folder by ID, and the listeners for their changes. */
import { AppError } from '../../../shared/errors.ts';
import type { ModelFit } from '../../../shared/model-files.ts';
import type { ModelFile } from '../../ports/engine.ts';
import type { CatalogueEntry } from './catalogue.ts';
import { type FitFact, fit, type ModelMemory, requiredBytes } from './fit.ts';
import { describeRecord, type ModelRecord, type StoredModel } from './model-record.ts';

export type RecordChange = Partial<Pick<ModelRecord, 'state' | 'progress' | 'error' | 'sha256'>>;
type Listener = (models: readonly StoredModel[]) => void;

export class ModelRecords {
  readonly #records: Map<string, ModelRecord>;
  readonly #memory: () => ModelMemory;
  readonly #listeners = new Set<Listener>();

  constructor(records: readonly ModelRecord[], memory: () => ModelMemory) {
    this.#records = new Map(records.map((record) => [record.entry.id, record]));
    this.#memory = memory;
  }

  fitOf(entry: Pick<CatalogueEntry, FitFact>): ModelFit {
    return fit(entry, this.#memory());
  }

  /** Null if it is unknown. */
  requiredBytes(id: string): number | null {
    const record = this.#records.get(id);
    return record === undefined ? null : requiredBytes(record.entry);
  }

  list(): StoredModel[] {
    const memory = this.#memory();
    return [...this.#records.values()].map((record) => describeRecord(record, memory));
  }

  /** Replaces the owner's own files. One that is being read or was read keeps its record. */
  setOwn(records: readonly ModelRecord[]): void {
    const wanted = new Map(records.map((record) => [record.entry.id, record]));
    for (const [id, { own }] of this.#records) if (own && !wanted.has(id)) this.#records.delete(id);
    for (const [id, record] of wanted) {
      const known = this.#records.get(id);
      if (known?.entry.sizeBytes !== record.entry.sizeBytes) this.#records.set(id, record);
    }
    this.notify();
  }

  /** Returns the model that is listed with this checksum; null if none is. */
  idOf(sha256: string): string | null {
    return [...this.#records.values()].find(({ entry }) => entry.sha256 === sha256)?.entry.id ?? null;
  }

  add(record: ModelRecord): void {
    this.#records.set(record.entry.id, record);
    this.notify();
  }

  delete(id: string): void {
    this.#records.delete(id);
    this.notify();
  }

  /** Fails with `not-found`. */
  find(id: string): ModelRecord {
    const record = this.#records.get(id);
    if (!record)
      throw new AppError('not-found', `Model "${id}" not found in the catalog.`, { details: { id } });
    return record;
  }

  /** Returns the verified file with this checksum; null if it isn't here. */
  findFile(sha256: string): ModelFile | null {
    for (const { entry, path, state, sha256: own } of this.#records.values()) {
      if (state === 'ready' && (entry.sha256 ?? own) === sha256) return { id: entry.id, path, sha256 };
    }
    return null;
  }

  update(record: ModelRecord, change: RecordChange): void {
    Object.assign(record, change);
    this.notify();
  }

  /** Marks the file as verified. */
  markReady(record: ModelRecord, sha256: string): ModelFile {
    this.update(record, { state: 'ready', progress: null, error: null, sha256 });
    return { id: record.entry.id, path: record.path, sha256 };
  }

  notify(): void {
    if (this.#listeners.size === 0) return;
    const models = this.list();
    for (const listener of this.#listeners) listener(models);
  }

  onChange(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}
