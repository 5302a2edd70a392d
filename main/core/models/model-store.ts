/** The model files of one data folder: lists, downloads, verifies and removes them. */
import { mkdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../../shared/errors.ts';
import type { ModelFit } from '../../../shared/model-files.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelFile } from '../../ports/engine.ts';
import { CATALOGUE, type CatalogueEntry } from './catalogue.ts';
import { createDiskSpace, type DiskSpace } from './disk-space.ts';
import type { FitFact, ModelMemory } from './fit.ts';
import { catalogueEntryOf, isLinkedModel, type LinkedEntries, type LinkedEntry } from './linked-entries.ts';
import { downloadModel, type ModelDownloadOptions } from './model-download.ts';
import { checkNotAborted, type EnsureOptions, jobOf, joinJob } from './model-job.ts';
import { allFilesOf, expectedOf, type ModelRecord, openRecord, type StoredModel } from './model-record.ts';
import { ModelRecords } from './model-records.ts';
import { findOwnFiles, OWN_FOLDER, type OwnFiles } from './own-files.ts';
import { type OpenPartFile, openPartFile } from './part-file.ts';
import { createSharedCache, type SharedCache } from './shared-cache.ts';
import { checkFile, quarantine, stampedHash, stampFile } from './verified-file.ts';

export interface ModelStoreOptions {
  readonly home: string;
  readonly clock: Clock;
  readonly catalogue?: readonly CatalogueEntry[];
  /** Folder of the models that ship with the app. */
  readonly bundledFolder?: string;
  /** Verified files shared between data folders; default: the environment variable IDLEWATT_MODEL_CACHE. */
  readonly cacheFolder?: string | null;
  /** Maximum bytes of all model files together. Default 20 GB. */
  readonly budgetBytes?: () => number;
  /** Memory for models; default: what is free, without a GPU. */
  readonly memory?: () => ModelMemory;
  /** Stores the models that the owner added by link; without it there are none. */
  readonly linked?: LinkedEntries;
  readonly fetch?: typeof globalThis.fetch;
  readonly openPart?: OpenPartFile;
  readonly python?: string;
}

export interface ModelStore {
  list(): readonly StoredModel[];
  /** Returns the verified file with this checksum; null if it isn't here. */
  findFile(sha256: string): ModelFile | null;
  usage(): { readonly usedBytes: number; readonly budgetBytes: number };
  /**
   * Returns the verified file and downloads it if necessary; several callers share one download. Fails with
   * `not-found`, `no-source` (`details.tried`), `checksum-mismatch`, `disk-full` or `aborted`.
   */
  ensure(id: string, options?: EnsureOptions): Promise<ModelFile>;
  /** Reads the whole file again; if it was altered, quarantines it and fails with `checksum-mismatch`. */
  verify(id: string): Promise<ModelFile>;
  /** Stops a download for all its callers; the received part stays on disk. */
  cancel(id: string): void;
  /** Deletes the file and the remains of downloads; a model added by link also leaves the list. Bundled models cannot be removed. */
  remove(id: string): Promise<void>;
  /**
   * Adds a model by link, or returns the listed one with the same file. Returns the ID. Fails with `busy` if there are
   * too many.
   */
  addLinked(entry: LinkedEntry): string;
  /** Memory that the model needs to be served, in bytes; null if that is unknown, also for one that isn't listed. */
  requiredBytes(id: string): number | null;
  fitOf(entry: Pick<CatalogueEntry, FitFact>): ModelFit;
  /** Looks for the owner's own files again. */
  findOwn(): Promise<OwnFiles>;
  /** Folder for the owner's own files. */
  readonly ownFolder: string;
  /** Calls the listener after each change; returns its unsubscribe. */
  onChange(listener: (models: readonly StoredModel[]) => void): () => void;
}

const BUDGET_BYTES = 20_000_000_000;
const BUNDLED_FOLDER = fileURLToPath(new URL('../../../resources/models/', import.meta.url));

export function createModelStore(options: ModelStoreOptions): ModelStore {
  const parts = openParts(options);
  const { records, disk } = parts;
  return {
    list: () => records.list(),
    findFile: (sha256) => records.findFile(sha256),
    usage: () => ({ usedBytes: disk.usedBytes(), budgetBytes: disk.budgetBytes() }),
    async ensure(id, ensureOptions = {}) {
      const record = records.find(id);
      checkNotAborted(ensureOptions.signal);
      const job = jobOf(record, records, (signal) => prepare(record, parts, signal));
      return joinJob(record, job, ensureOptions);
    },
    async verify(id) {
      const record = records.find(id);
      if (record.job) return record.job.promise;
      const sha256 = await verifyInPlace(record, records, { trustStamp: false });
      if (sha256 !== null) return records.markReady(record, sha256);
      const error = 'The model file is missing, incomplete or altered. It was set aside. Download it again.';
      records.update(record, { state: 'failed', error });
      throw new AppError('checksum-mismatch', error, { details: { id } });
    },
    cancel(id) {
      records.find(id).job?.controller.abort();
    },
    async remove(id) {
      const record = records.find(id);
      if (record.bundled) {
        throw new AppError('not-permitted', 'This model ships with the app and can’t be removed.');
      }
      if (record.own) {
        throw new AppError('not-permitted', 'This is your own file. Delete it from its folder.');
      }
      const { job } = record;
      job?.controller.abort();
      await job?.promise.catch(() => {});
      for (const file of allFilesOf(record)) await rm(file, { force: true, recursive: true });
      records.update(record, { state: 'absent', progress: null, error: null, sha256: null });
      if (!isLinkedModel(id)) return;
      parts.linked?.remove(id);
      records.delete(id);
    },
    addLinked(entry) {
      const known = records.idOf(entry.sha256);
      if (known !== null) return known;
      parts.linked?.add(entry);
      records.add(openRecord(catalogueEntryOf(entry), parts.folders));
      return entry.id;
    },
    requiredBytes: (id) => records.requiredBytes(id),
    fitOf: (entry) => records.fitOf(entry),
    async findOwn() {
      const found = await findOwnFiles(parts.folder);
      const folders = { downloaded: parts.folder, bundled: parts.folder };
      records.setOwn(found.files.map(({ entry }) => openRecord(entry, folders)));
      return found;
    },
    ownFolder: join(parts.folder, OWN_FOLDER),
    onChange: (listener) => records.onChange(listener),
  };
}

interface StoreParts {
  readonly folders: { readonly downloaded: string; readonly bundled: string };
  readonly linked: LinkedEntries | null;
  /** Of downloaded models. */
  readonly folder: string;
  readonly records: ModelRecords;
  readonly disk: DiskSpace;
  readonly cache: SharedCache;
  readonly download: ModelDownloadOptions;
}

function openParts(options: ModelStoreOptions): StoreParts {
  const folder = join(options.home, 'models');
  mkdirSync(folder, { recursive: true });
  const folders = { downloaded: folder, bundled: options.bundledFolder ?? BUNDLED_FOLDER };
  const cacheFolder =
    options.cacheFolder === undefined ? process.env.IDLEWATT_MODEL_CACHE : options.cacheFolder;
  const records = new ModelRecords(
    [...(options.catalogue ?? CATALOGUE), ...(options.linked?.list() ?? []).map(catalogueEntryOf)].map(
      (entry) => openRecord(entry, folders),
    ),
    options.memory ?? (() => ({ machineBytes: freemem(), graphicsBytes: null })),
  );
  return {
    folder,
    folders,
    linked: options.linked ?? null,
    records,
    disk: createDiskSpace(folder, options.budgetBytes ?? (() => BUDGET_BYTES)),
    cache: createSharedCache(cacheFolder || null),
    download: {
      records,
      clock: options.clock,
      fetch: options.fetch ?? globalThis.fetch,
      openPart: options.openPart ?? openPartFile,
      python: options.python ?? (process.platform === 'win32' ? 'python' : 'python3'),
    },
  };
}

/** Takes the file from the data folder, the shared cache or a download, in this order. */
async function prepare(record: ModelRecord, parts: StoreParts, signal: AbortSignal): Promise<ModelFile> {
  const { records, disk, cache, download } = parts;
  const present = await verifyInPlace(record, records, { trustStamp: true, signal });
  if (present !== null) return records.markReady(record, present);
  if (record.bundled) {
    throw new AppError(
      'model-unavailable',
      'The model that ships with the app is missing or altered. Reinstall Idlewatt.',
    );
  }
  if (record.own) {
    throw new AppError(
      'model-unavailable',
      'The model file is gone from its folder. Put it back or choose another model.',
    );
  }
  const { fileName } = record.entry;
  if (await cache.take(record.path, fileName, expectedOf(record), signal)) {
    const cached = await verifyInPlace(record, records, { trustStamp: true, signal });
    if (cached !== null) return records.markReady(record, cached);
  }
  await disk.check(record);
  const sha256 = await downloadModel(record, download, signal);
  await cache.offer(record.path, fileName, sha256);
  return records.markReady(record, sha256);
}

/** Returns the file's checksum if it is as expected. Otherwise returns null and quarantines a bad file. */
async function verifyInPlace(
  record: ModelRecord,
  records: ModelRecords,
  options: { readonly trustStamp: boolean; readonly signal?: AbortSignal },
): Promise<string | null> {
  if (statSync(record.path, { throwIfNoEntry: false }) === undefined) return null;
  if (!options.trustStamp || stampedHash(record.path) === null)
    records.update(record, { state: 'verifying' });
  const verified = await checkFile(record.path, expectedOf(record), options);
  // Bundled files must not be moved, and are small enough to be read at each start.
  if (record.bundled) return verified;
  if (verified === null) await quarantine(record.path);
  else await stampFile(record.path, verified);
  return verified;
}
