/** State of one catalog model in a data folder: where its file belongs, and how far it is. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelEntry } from '../../../shared/api/state.ts';
import type { ModelFile } from '../../ports/engine.ts';
import { type CatalogueEntry, strengthsOf } from './catalogue.ts';
import { wheelFolder } from './download-pypi.ts';
import { fit, type ModelMemory } from './fit.ts';
import { isOwnModel } from './own-files.ts';
import { type Expected, pinnedHash, quarantinePath, stampedHash, stampPath } from './verified-file.ts';

/** A model as the store reports it; the composition adds which one is served, its speed and how well it suits. */
export type StoredModel = Omit<ModelEntry, 'active' | 'further' | 'speed' | 'suits' | 'bestFor'> & {
  /** `known`: the catalog's checksum; `pinned`: that of the first download, which could not be verified. */
  readonly checksum: 'known' | 'pinned' | null;
};

export type ModelProgress = NonNullable<ModelEntry['progress']>;

/** Work on one file, shared by all callers that wait for it. */
export interface ModelJob {
  readonly promise: Promise<ModelFile>;
  readonly controller: AbortController;
  callers: number;
}

export interface ModelRecord {
  readonly entry: CatalogueEntry;
  readonly path: string;
  readonly bundled: boolean;
  /** The owner's own file: never downloaded, moved or deleted. */
  readonly own: boolean;
  state: ModelEntry['state'];
  progress: ModelProgress | null;
  error: string | null;
  /** Checksum of the last full read; null before the first. */
  sha256: string | null;
  job: ModelJob | null;
  readonly watchers: Set<(progress: ModelProgress) => void>;
}

/** Reads from disk whether the file is present and verified. */
export function openRecord(
  entry: CatalogueEntry,
  folders: { readonly downloaded: string; readonly bundled: string },
): ModelRecord {
  const bundled = entry.sources.some((source) => source.kind === 'bundled');
  const own = isOwnModel(entry.id);
  const path = join(bundled ? folders.bundled : folders.downloaded, entry.fileName);
  const stamped = bundled ? entry.sha256 : stampedHash(path);
  const verified = stamped !== null && (entry.sha256 === null || stamped === entry.sha256);
  const ready = verified && statSync(path, { throwIfNoEntry: false }) !== undefined;
  return {
    entry,
    path,
    bundled,
    own,
    state: ready ? 'ready' : 'absent',
    progress: null,
    error: null,
    sha256: bundled ? stamped : pinnedHash(path),
    job: null,
    watchers: new Set(),
  };
}

export function describeRecord(record: ModelRecord, memory: ModelMemory): StoredModel {
  const { entry } = record;
  return {
    id: entry.id,
    name: entry.name,
    publisher: entry.publisher,
    license: entry.license,
    released: entry.released ?? null,
    parameters: entry.parameters,
    activeParameters: entry.activeParameters ?? null,
    quantisation: entry.quantisation,
    contextTokens: entry.contextTokens,
    sizeBytes: entry.sizeBytes,
    sha256: entry.sha256 ?? record.sha256,
    fit: fit(entry, memory),
    state: record.state,
    progress: record.progress,
    error: record.error,
    bundled: record.bundled,
    own: record.own,
    use: entry.use ?? 'chat',
    strengths: [...strengthsOf(entry)],
    link: entry.link ?? null,
    checksum: entry.sha256 !== null ? 'known' : record.sha256 !== null ? 'pinned' : null,
  };
}

/** Size and checksum that the file must have. A checksum pinned by an earlier download also binds later ones. */
export function expectedOf({ entry, sha256, own }: ModelRecord): Expected {
  // The owner may replace their file at any time.
  if (own) return { sizeBytes: null, sha256: null };
  return { sizeBytes: entry.sizeBytes, sha256: entry.sha256 ?? sha256 };
}

/** Path of the unfinished download. */
export function partPath({ path }: ModelRecord): string {
  return `${path}.part`;
}

/** Everything that the store may have written for this model. */
export function allFilesOf(record: ModelRecord): readonly string[] {
  const part = partPath(record);
  const files = [record.path, part].flatMap((path) => [path, stampPath(path), quarantinePath(path)]);
  return [...files, wheelFolder(part)];
}
