/**
 * Fetches libraries for GPUs that the packages don't contain, when the owner asks for it: pinned archives of package
 * registries, of which the needed files are unpacked into one folder. The engine sees that folder only once it is whole.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FetchedLibraries } from '../../../shared/api/state.ts';
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { UnpackTar } from '../../ports/archive.ts';
import type { LibraryFolders } from '../../ports/engine-process.ts';
import type { Log } from '../../ports/log.ts';
import { asStorageError } from '../../ports/storage.ts';
import { createProgress, openZipMember, type Progress, partBytes, reasonOf } from '../models/index.ts';
import { downloadPinned, type PinnedDownload, ROOM_BYTES } from '../updates/index.ts';
import { archiveKey, type PinnedArchive } from './pins.ts';

const SHOWN_EVERY_MS = 500;
/** Empty file in a folder that is whole: the last that is written, and the first that is deleted. */
const COMPLETE = 'complete';

export interface GraphicsLibrariesOptions extends PinnedDownload {
  /** Those of this system; none if it has none. */
  readonly archives: readonly PinnedArchive[];
  /** Returns where an archive is, or null if that isn't known: then nothing can be fetched. */
  readonly addressOf: (archive: PinnedArchive) => string | null;
  readonly unpackTar: UnpackTar;
  readonly log: Log;
  readonly onChange: () => void;
  /** The libraries are here, or gone: the next engine process starts with other ones. */
  readonly onReplaced: () => void;
}

export interface GraphicsLibraries {
  /** Null if nothing can be fetched here. */
  state(): FetchedLibraries | null;
  /** Folders for the engine; null while the libraries aren't here. */
  folders(): LibraryFolders | null;
  /** Begins the download, or resumes it. Fails with `unsupported` if nothing can be fetched here. */
  fetch(): void;
  /** Stops the download; what has arrived stays. */
  cancel(): void;
  /** Deletes the libraries, and what a download has left. */
  remove(): Promise<void>;
  stop(): void;
}

/** See {@link GraphicsLibraries}. `folder` has nothing else in it: what other versions have left is deleted. */
export function createGraphicsLibraries(options: GraphicsLibrariesOptions): GraphicsLibraries {
  return new LibraryFetch(options);
}

class LibraryFetch implements GraphicsLibraries {
  readonly #options: GraphicsLibrariesOptions;
  readonly #target: string;
  /** Folder with the archives that are unpacked, until all are. */
  readonly #stage: string;
  readonly #sizes: Pick<FetchedLibraries, 'downloadBytes' | 'diskBytes'>;
  #run: { readonly controller: AbortController; readonly done: Promise<void> } | null = null;
  #removal: Promise<void> | null = null;
  /** Never rejects. */
  readonly #othersRemoved: Promise<void>;
  #state: Pick<FetchedLibraries, 'state' | 'progress' | 'error'>;

  constructor(options: GraphicsLibrariesOptions) {
    this.#options = options;
    const { folder, archives } = options;
    const contents = archives.map(({ sha512, members }) => `${sha512} ${members}`).join('\n');
    this.#target = join(folder, createHash('sha256').update(contents).digest('hex').slice(0, 16));
    this.#stage = `${this.#target}.part`;
    this.#sizes = { downloadBytes: sum(archives, 'bytes'), diskBytes: sum(archives, 'unpackedBytes') };
    this.#state = { state: this.#isComplete() ? 'ready' : 'absent', progress: null, error: null };
    this.#othersRemoved = this.#removeOthers().catch((error: unknown) =>
      options.log.warn('Libraries of another version could not be removed', { cause: String(error) }),
    );
  }

  state(): FetchedLibraries | null {
    if (this.#addresses() === null && this.#state.state !== 'ready') return null;
    return { ...this.#state, ...this.#sizes };
  }

  folders(): LibraryFolders | null {
    if (this.#state.state !== 'ready') return null;
    const { archives } = this.#options;
    const libraries = archives.flatMap(({ members }, index) =>
      [...new Set(members?.map(dirname))].map((path) => join(this.#target, String(index), path)),
    );
    const engine = archives.findIndex(({ members }) => members === null);
    const name = archives[engine]?.name ?? '';
    return { packageName: name, packageFolder: join(this.#target, String(engine)), libraries };
  }

  fetch(): void {
    const addresses = this.#addresses();
    if (addresses === null) throw new AppError('unsupported', 'This copy of Idlewatt can’t download CUDA.');
    if (this.#run !== null || this.#state.state === 'ready') return;
    const controller = new AbortController();
    const done = this.#fetch(addresses, controller.signal).finally(() => {
      this.#run = null;
    });
    this.#run = { controller, done };
  }

  cancel(): void {
    this.#run?.controller.abort();
  }

  remove(): Promise<void> {
    this.cancel();
    this.#removal ??= this.#remove().finally(() => {
      this.#removal = null;
    });
    return this.#removal;
  }

  async #remove(): Promise<void> {
    await this.#run?.done;
    const wasReady = this.#state.state === 'ready';
    await rm(join(this.#target, COMPLETE), { force: true });
    this.#show({ state: 'absent', progress: null, error: null });
    // Engines that use the files end first, where open ones can't be deleted.
    if (wasReady) this.#options.onReplaced();
    await rm(this.#stage, { recursive: true, force: true });
    await rm(this.#target, { recursive: true, force: true, maxRetries: 5 });
  }

  stop(): void {
    this.cancel();
  }

  #isComplete(): boolean {
    return existsSync(join(this.#target, COMPLETE));
  }

  #addresses(): readonly string[] | null {
    const { archives, addressOf } = this.#options;
    const known = archives.flatMap((archive) => addressOf(archive) ?? []);
    return known.length === 0 || known.length < archives.length ? null : known;
  }

  #show(change: Partial<Pick<FetchedLibraries, 'state' | 'progress' | 'error'>>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onChange();
  }

  /** Never rejects: the state shows how it ends. */
  async #fetch(addresses: readonly string[], signal: AbortSignal): Promise<void> {
    const { log, onReplaced } = this.#options;
    try {
      if (this.#removal !== null) await this.#removal;
      signal.throwIfAborted();
      const progress = this.#openProgress();
      this.#show({ state: 'downloading', progress: progress.now(), error: null });
      await this.#othersRemoved;
      await this.#checkRoom();
      for (const [index, archive] of this.#options.archives.entries()) {
        await this.#bring(archive, { index, address: addresses[index] ?? '', progress, signal });
      }
      await writeFile(join(this.#stage, COMPLETE), '');
      await rm(this.#target, { recursive: true, force: true });
      await rename(this.#stage, this.#target);
      log.info('Libraries for GPUs were downloaded and verified', { folder: this.#target });
      this.#show({ state: 'ready', progress: null });
      onReplaced();
    } catch (cause) {
      if (signal.aborted) return this.#show({ state: 'absent', progress: null });
      const error = asStorageError(cause);
      const reason = isAppError(error) ? error.message : reasonOf(error);
      log.warn('Libraries for GPUs could not be downloaded', { cause: reason });
      this.#show({ state: 'failed', progress: null, error: reason });
    }
  }

  /** Downloads an archive and unpacks it into a folder of its own, unless an earlier run has. */
  async #bring(
    archive: PinnedArchive,
    { index, address, progress, signal }: BringParts & { readonly progress: LibraryProgress },
  ): Promise<void> {
    const place = join(this.#stage, String(index));
    if (existsSync(place)) return;
    const download = this.#downloadFolder(index);
    const { clock } = this.#options;
    let shownAtMs = clock.monotonic();
    const path = await downloadPinned(
      { ...this.#options, folder: download },
      address,
      { ...archive, name: archiveKey(archive) },
      {
        signal,
        onBytes: (receivedBytes) => {
          const shown = progress.add(index, receivedBytes);
          if (clock.monotonic() - shownAtMs < SHOWN_EVERY_MS) return;
          shownAtMs = clock.monotonic();
          this.#show({ progress: shown });
        },
      },
    );
    this.#show({ state: 'verifying' });
    const unfinished = `${place}.part`;
    await rm(unfinished, { recursive: true, force: true });
    await mkdir(unfinished, { recursive: true });
    if (archive.members === null) await this.#options.unpackTar(path, unfinished, signal);
    else for (const member of archive.members) await this.#unpackMember(path, member, unfinished, signal);
    await rename(unfinished, place);
    await rm(download, { recursive: true });
    this.#show({ state: 'downloading', progress: progress.add(index, archive.bytes) });
  }

  async #unpackMember(path: string, name: string, folder: string, signal: AbortSignal): Promise<void> {
    const { content } = await openZipMember(path, name);
    const target = join(folder, name);
    await mkdir(dirname(target), { recursive: true });
    const file = await this.#options.openPart(target, 'truncate');
    try {
      for await (const chunk of content) {
        signal.throwIfAborted();
        await file.write(chunk as Buffer);
      }
    } finally {
      await file.close();
    }
  }

  /** Fails with `disk-full` before anything is downloaded, not after hundreds of megabytes. */
  async #checkRoom(): Promise<void> {
    const { archives, folder, freeBytes } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const missing = archives.filter((_, index) => !existsSync(join(this.#stage, String(index))));
    const largest = Math.max(0, ...missing.map(({ bytes }) => bytes));
    const neededBytes = sum(missing, 'unpackedBytes') + largest + ROOM_BYTES;
    if ((await freeBytes(folder)) >= neededBytes) return;
    const megabytes = Math.ceil(neededBytes / 1e6);
    const message = `There isn’t enough free disk space: ${megabytes} MB are needed. Free some and retry.`;
    throw new AppError('disk-full', message);
  }

  #openProgress(): LibraryProgress {
    const { archives, clock } = this.#options;
    const received = archives.map((archive, index) => {
      if (existsSync(join(this.#stage, String(index)))) return archive.bytes;
      return partBytes(join(this.#downloadFolder(index), `${archiveKey(archive)}.part`));
    });
    const total = () => received.reduce((all, bytes) => all + bytes, 0);
    const host = new URL(this.#addresses()?.[0] ?? '').host;
    const progress = createProgress(clock, host, total(), this.#sizes.downloadBytes);
    return {
      now: progress.now.bind(progress),
      add: (index, bytes) => {
        received[index] = bytes;
        return progress.add(total(), this.#sizes.downloadBytes);
      },
    };
  }

  #downloadFolder(index: number): string {
    return join(this.#stage, `${index}.download`);
  }

  /** Removes what earlier versions of Idlewatt have fetched: their engine doesn't fit this one. */
  async #removeOthers(): Promise<void> {
    const { folder } = this.#options;
    const names = existsSync(folder) ? readdirSync(folder) : [];
    const own = [...(this.#isComplete() ? [this.#target] : []), this.#stage].map((path) => basename(path));
    for (const name of names) {
      if (!own.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
  }
}

interface BringParts {
  readonly index: number;
  readonly address: string;
  readonly signal: AbortSignal;
}

/** Of all archives together. */
interface LibraryProgress extends Pick<Progress, 'now'> {
  add(index: number, receivedBytes: number): ReturnType<Progress['now']>;
}

function sum(archives: readonly PinnedArchive[], size: 'bytes' | 'unpackedBytes'): number {
  return archives.reduce((total, archive) => total + archive[size], 0);
}
