/**
 * The model files of one home folder: which are there and proved, which are on their way, and how one is
 * brought here from the first source that works.
 */
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { rename, rm, statfs } from 'node:fs/promises';
import { freemem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ModelEntry } from '../../../shared/api/state.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ModelFile } from '../../ports/engine.ts';
import { CATALOGUE, type CatalogueEntry, type ModelSource } from './catalogue.ts';
import { describeSource, download, reasonOf } from './download.ts';
import { wheelFolder } from './download-pypi.ts';
import { fit } from './fit.ts';
import { type OpenPartFile, openPartFile, partBytes } from './part-file.ts';
import { createProgress } from './progress.ts';
import { createSharedCache } from './shared-cache.ts';
import {
  checkFile,
  type Expected,
  pinnedHash,
  quarantine,
  stampedHash,
  stampFile,
  stampPath,
} from './verified-file.ts';

/** A model as the store knows it; the composition adds which one is served, and how fast. */
export type StoredModel = Omit<ModelEntry, 'active' | 'speed'> & {
  /** `known`: the catalogue's checksum; `pinned`: that of the first download, not verified against a known one. */
  readonly checksum: 'known' | 'pinned' | null;
};

export type ModelProgress = NonNullable<ModelEntry['progress']>;

export interface ModelStoreOptions {
  readonly home: string;
  readonly clock: Clock;
  readonly catalogue?: readonly CatalogueEntry[];
  /** The folder of what comes with the app. */
  readonly bundledFolder?: string;
  /** Verified files shared between homes; the environment variable IDLEWATT_MODEL_CACHE by default. */
  readonly cacheFolder?: string | null;
  /** Bytes that all model files together may take. Default 20 GB. */
  readonly budgetBytes?: () => number;
  readonly freeMemoryBytes?: () => number | null;
  readonly fetch?: typeof globalThis.fetch;
  readonly openPart?: OpenPartFile;
  readonly python?: string;
}

export interface EnsureOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ModelProgress) => void;
}

export interface ModelStore {
  list(): readonly StoredModel[];
  usage(): { readonly usedBytes: number; readonly budgetBytes: number };
  /**
   * The verified file, downloaded if need be; several callers share one download. Fails with `not-found`,
   * `no-source` (`details.tried`), `checksum-mismatch`, `disk-full` or `aborted`.
   */
  ensure(id: string, options?: EnsureOptions): Promise<ModelFile>;
  /** Reads the whole file again; sets it aside and fails with `checksum-mismatch` when it was altered. */
  verify(id: string): Promise<ModelFile>;
  /** Stops a download for all who wait; what was received is kept. */
  cancel(id: string): void;
  /** Deletes the file and what is left of downloads. Bundled models stay. */
  remove(id: string): Promise<void>;
  /** Called after each change; returns its unsubscribe. */
  onChange(listener: (models: readonly StoredModel[]) => void): () => void;
}

interface Record {
  readonly entry: CatalogueEntry;
  readonly path: string;
  readonly bundled: boolean;
  state: ModelEntry['state'];
  progress: ModelProgress | null;
  error: string | null;
  /** Of the last full reading; null before the first. */
  sha256: string | null;
  job: { promise: Promise<ModelFile>; controller: AbortController; callers: number } | null;
  readonly watchers: Set<(progress: ModelProgress) => void>;
}

const BUDGET_BYTES = 20_000_000_000;
const CHANGE_INTERVAL_MS = 250;
const BUNDLED_FOLDER = fileURLToPath(new URL('../../../resources/models/', import.meta.url));

export function createModelStore(options: ModelStoreOptions): ModelStore {
  const { clock } = options;
  const folder = join(options.home, 'models');
  const bundledFolder = options.bundledFolder ?? BUNDLED_FOLDER;
  const cacheSetting =
    options.cacheFolder === undefined ? process.env.IDLEWATT_MODEL_CACHE : options.cacheFolder;
  const cache = createSharedCache(cacheSetting || null);
  const budgetBytes = options.budgetBytes ?? (() => BUDGET_BYTES);
  const freeMemoryBytes = options.freeMemoryBytes ?? freemem;
  const listeners = new Set<(models: readonly StoredModel[]) => void>();

  mkdirSync(folder, { recursive: true });
  const records = new Map<string, Record>();
  for (const entry of options.catalogue ?? CATALOGUE) records.set(entry.id, open(entry));

  function open(entry: CatalogueEntry): Record {
    const bundled = entry.sources.some((source) => source.kind === 'bundled');
    const path = join(bundled ? bundledFolder : folder, entry.fileName);
    const stamped = bundled ? entry.sha256 : stampedHash(path);
    const proved = stamped !== null && (entry.sha256 === null || stamped === entry.sha256);
    const ready = proved && statSync(path, { throwIfNoEntry: false }) !== undefined;
    return {
      entry,
      path,
      bundled,
      state: ready ? 'ready' : 'absent',
      progress: null,
      error: null,
      sha256: bundled ? stamped : pinnedHash(path),
      job: null,
      watchers: new Set(),
    };
  }

  function describe(record: Record): StoredModel {
    const { entry } = record;
    return {
      id: entry.id,
      name: entry.name,
      publisher: entry.publisher,
      license: entry.license,
      parameters: entry.parameters,
      quantisation: entry.quantisation,
      contextTokens: entry.contextTokens,
      sizeBytes: entry.sizeBytes,
      sha256: entry.sha256 ?? record.sha256,
      fit: fit(entry, freeMemoryBytes()),
      state: record.state,
      progress: record.progress,
      error: record.error,
      bundled: record.bundled,
      checksum: entry.sha256 !== null ? 'known' : record.sha256 !== null ? 'pinned' : null,
    };
  }

  function changed(): void {
    if (listeners.size === 0) return;
    const models = [...records.values()].map(describe);
    for (const listener of listeners) listener(models);
  }

  function update(
    record: Record,
    change: Partial<Pick<Record, 'state' | 'progress' | 'error' | 'sha256'>>,
  ): void {
    Object.assign(record, change);
    changed();
  }

  function find(id: string): Record {
    const record = records.get(id);
    if (!record) throw new AppError('not-found', 'The catalogue has no such model.', { details: { id } });
    return record;
  }

  function ready(record: Record, sha256: string): ModelFile {
    update(record, { state: 'ready', progress: null, error: null, sha256 });
    return { id: record.entry.id, path: record.path, sha256 };
  }

  function expected(record: Record): Expected {
    // What an earlier download pinned binds later ones too.
    return { sizeBytes: record.entry.sizeBytes, sha256: record.entry.sha256 ?? record.sha256 };
  }

  /** Checks the file in place; a bad one is set aside and null comes back. */
  async function proveInPlace(
    record: Record,
    trustStamp: boolean,
    signal?: AbortSignal,
  ): Promise<string | null> {
    if (statSync(record.path, { throwIfNoEntry: false }) === undefined) return null;
    if (!trustStamp || stampedHash(record.path) === null) update(record, { state: 'verifying' });
    const proved = await checkFile(record.path, expected(record), { trustStamp, signal });
    // What comes with the app is not ours to move, and small enough to be read at each start.
    if (record.bundled) return proved;
    if (proved === null) await quarantine(record.path);
    else await stampFile(record.path, proved);
    return proved;
  }

  async function bring(record: Record, signal: AbortSignal): Promise<ModelFile> {
    const present = await proveInPlace(record, true, signal);
    if (present !== null) return ready(record, present);
    if (record.bundled) {
      throw new AppError('model-unavailable', 'The model that comes with the app is missing or altered.');
    }
    const { fileName } = record.entry;
    if (await cache.take(record.path, fileName, expected(record), signal)) {
      const cached = await proveInPlace(record, true, signal);
      if (cached !== null) return ready(record, cached);
    }
    await checkDisk(record);
    const sha256 = await downloadFromAny(record, signal);
    await cache.offer(record.path, fileName, sha256);
    return ready(record, sha256);
  }

  async function checkDisk(record: Record): Promise<void> {
    const { sizeBytes } = record.entry;
    if (sizeBytes === null) return;
    const missing = sizeBytes - Math.min(sizeBytes, partBytes(partPath(record)));
    if (usedBytes() + missing > budgetBytes()) {
      const details = { reason: 'budget', neededBytes: missing, budgetBytes: budgetBytes() };
      throw new AppError('disk-full', 'The model does not fit into the disk budget.', { details });
    }
    const disk = await statfs(folder);
    const freeBytes = disk.bavail * disk.bsize;
    if (freeBytes < missing) {
      const details = { reason: 'disk', neededBytes: missing, freeBytes };
      throw new AppError('disk-full', 'The disk has too little space for the model.', { details });
    }
  }

  async function downloadFromAny(record: Record, signal: AbortSignal): Promise<string> {
    const tried: { source: string; reason: string }[] = [];
    let altered = 0;
    for (const source of record.entry.sources) {
      const name = describeSource(source);
      try {
        const sha256 = await downloadProved(record, source, name, signal);
        if (sha256 !== null) return sha256;
        altered += 1;
        tried.push({ source: name, reason: 'the file does not have the expected checksum' });
      } catch (error) {
        if (signal.aborted) throw new AppError('aborted', 'The download was stopped.', { cause: error });
        if (isAppError(error, 'disk-full')) throw error;
        tried.push({ source: name, reason: reasonOf(error) });
      }
    }
    const list = tried.map(({ source, reason }) => `${source} (${reason})`).join('; ');
    const code = altered > 0 && altered === tried.length ? 'checksum-mismatch' : 'no-source';
    throw new AppError(code, `The model could not be downloaded. Tried: ${list}.`, { details: { tried } });
  }

  /** One source, and once more from the beginning when a continued file turns out wrong. */
  async function downloadProved(record: Record, source: ModelSource, name: string, signal: AbortSignal) {
    const part = partPath(record);
    const continued = partBytes(part) > 0;
    for (let attempt = 0; attempt < (continued ? 2 : 1); attempt += 1) {
      await fetchPart(record, source, name, signal);
      update(record, { state: 'verifying', progress: null });
      const sha256 = await checkFile(part, expected(record), { trustStamp: false, signal });
      if (sha256 !== null) {
        await rename(part, record.path);
        await stampFile(record.path, sha256);
        return sha256;
      }
      await quarantine(part);
    }
    return null;
  }

  async function fetchPart(
    record: Record,
    source: ModelSource,
    name: string,
    signal: AbortSignal,
  ): Promise<void> {
    const progress = createProgress(clock, name, partBytes(partPath(record)), record.entry.sizeBytes);
    let shownAtMs = clock.monotonic();
    update(record, { state: 'downloading', progress: progress.now(), error: null });
    await download(source, {
      path: partPath(record),
      sizeBytes: record.entry.sizeBytes,
      clock,
      fetch: options.fetch ?? globalThis.fetch,
      openPart: options.openPart ?? openPartFile,
      python: options.python ?? (process.platform === 'win32' ? 'python' : 'python3'),
      signal,
      onBytes(receivedBytes, totalBytes) {
        record.progress = progress.add(receivedBytes, totalBytes);
        const complete = receivedBytes === totalBytes;
        if (!complete && clock.monotonic() - shownAtMs < CHANGE_INTERVAL_MS) return;
        shownAtMs = clock.monotonic();
        for (const watcher of record.watchers) watcher(record.progress);
        changed();
      },
    });
  }

  function partPath(record: Record): string {
    return `${record.path}.part`;
  }

  function usedBytes(): number {
    let bytes = 0;
    for (const name of readdirSync(folder)) {
      bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  function startJob(record: Record): NonNullable<Record['job']> {
    const controller = new AbortController();
    const promise = bring(record, controller.signal)
      .catch((error: unknown) => {
        if (controller.signal.aborted) {
          update(record, { state: 'absent', progress: null });
          throw new AppError('aborted', 'The download was stopped.', { cause: error });
        }
        const reason = isAppError(error) ? error.message : 'The model file could not be prepared.';
        update(record, { state: 'failed', progress: null, error: reason });
        throw error;
      })
      .finally(() => {
        record.job = null;
      });
    return { promise, controller, callers: 0 };
  }

  return {
    list: () => [...records.values()].map(describe),
    usage: () => ({ usedBytes: usedBytes(), budgetBytes: budgetBytes() }),
    async ensure(id, { signal, onProgress } = {}) {
      const record = find(id);
      if (signal?.aborted) throw new AppError('aborted', 'The download was stopped.');
      record.job ??= startJob(record);
      const { job } = record;
      job.callers += 1;
      if (onProgress) record.watchers.add(onProgress);
      const leave = Promise.withResolvers<never>();
      const onAbort = () => {
        job.callers -= 1;
        if (job.callers === 0) job.controller.abort();
        leave.reject(new AppError('aborted', 'The download was stopped.'));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      try {
        return await Promise.race([job.promise, leave.promise]);
      } finally {
        signal?.removeEventListener('abort', onAbort);
        if (onProgress) record.watchers.delete(onProgress);
      }
    },
    async verify(id) {
      const record = find(id);
      if (record.job) return record.job.promise;
      const sha256 = await proveInPlace(record, false);
      if (sha256 !== null) return ready(record, sha256);
      const error = 'The model file is missing, cut short or altered; it was set aside.';
      update(record, { state: 'failed', error });
      throw new AppError('checksum-mismatch', error, { details: { id } });
    },
    cancel(id) {
      find(id).job?.controller.abort();
    },
    async remove(id) {
      const record = find(id);
      if (record.bundled) throw new AppError('not-permitted', 'This model comes with the app and stays.');
      const job = record.job;
      job?.controller.abort();
      await job?.promise.catch(() => {});
      const { path } = record;
      const part = partPath(record);
      const files = [
        path,
        stampPath(path),
        `${path}.quarantine`,
        part,
        stampPath(part),
        `${part}.quarantine`,
      ];
      for (const file of [...files, wheelFolder(part)]) await rm(file, { force: true, recursive: true });
      update(record, { state: 'absent', progress: null, error: null, sha256: null });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
