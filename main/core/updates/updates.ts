/**
 * Looks for updates in a signed feed, downloads the package that it pins, and lets the owner install it. Checks some
 * minutes after the start, then daily, and whenever the owner asks.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { UpdateFeed, UpdateFile, UpdateProblem, UpdateState } from '../../../shared/updates.ts';
import type { Timer } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import { storageFaultOf } from '../../ports/storage.ts';
import type { PackageInstaller } from '../../ports/updates.ts';
import { reasonOf } from '../models/index.ts';
import { judge } from './feed.ts';
import { type FeedSourceOptions, feedFolder, fetchFeed, installationId } from './feed-source.ts';
import { downloadPinned, type PinnedDownload } from './pinned-download.ts';

const FIRST_CHECK_MS = 5 * 60_000;
const CHECK_EVERY_MS = 24 * 3_600_000;
/** After a failed check. */
const RETRY_MS = 3_600_000;
const PROGRESS_EVERY_MS = 500;

export interface UpdatesOptions extends PinnedDownload, FeedSourceOptions {
  /** Address of the feed's folder; null: nothing is contacted. */
  readonly feed: string | null;
  readonly version: string;
  readonly arch: string;
  readonly installer: PackageInstaller;
  readonly log: Log;
  /** The owner's switch for checks and downloads that nobody asked for. */
  readonly isAutomatic: () => boolean;
  /** The connection is metered: nothing large is downloaded unasked. */
  readonly isMetered: () => boolean;
  readonly onChange: () => void;
  /** Called once the package of this version is downloaded and verified. */
  readonly onReady: (version: string) => void;
}

export interface Updates {
  state(): UpdateState;
  /** Checks and downloads now. Failures are in the state. Fails with `unsupported` if no feed is configured. */
  check(): Promise<void>;
  /**
   * Installs the downloaded package: `begin` gets the installation, to run it when no job runs. Fails with `not-found` if
   * there is none that Idlewatt can install.
   */
  install(begin: (replace: () => Promise<void>) => void): void;
  start(): void;
  /** A download that is cut off is resumed by the next run. */
  stop(): void;
}

/** See {@link Updates}. */
export function createUpdates(options: UpdatesOptions): Updates {
  return new UpdateSearch(options);
}

interface ReadyPackage {
  readonly path: string;
  readonly file: UpdateFile;
}

class UpdateSearch implements Updates {
  readonly #options: UpdatesOptions;
  readonly #folder: URL | null;
  readonly #closed = new AbortController();
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #ready: ReadyPackage | null = null;
  #state: UpdateState;

  constructor(options: UpdatesOptions) {
    this.#options = options;
    this.#folder = options.keys.length === 0 || options.feed === null ? null : feedFolder(options.feed);
    this.#state = {
      feed: this.#folder?.href ?? null,
      doing: 'nothing',
      kind: options.installer.kind,
      ...{ checkedAtMs: null, finding: null, version: null, bytes: null, receivedBytes: null, file: null },
      ...{ problem: null, reason: null },
    };
  }

  state(): UpdateState {
    return this.#state;
  }

  start(): void {
    this.#schedule(FIRST_CHECK_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#closed.abort();
  }

  async check(): Promise<void> {
    if (this.#folder === null) throw new AppError('unsupported', 'No address for updates is configured.');
    await this.#check(this.#folder, true);
  }

  install(begin: (replace: () => Promise<void>) => void): void {
    const ready = this.#ready;
    if (ready === null || this.#options.installer.replace === null) {
      throw new AppError('not-found', 'There is no update that Idlewatt can install itself.');
    }
    if (this.#state.doing !== 'nothing') return;
    begin(() => this.#replace(ready));
    this.#show({ doing: 'waiting-for-jobs' });
  }

  #show(change: Partial<UpdateState>): void {
    this.#state = { ...this.#state, ...change };
    this.#options.onChange();
  }

  #fail(problem: UpdateProblem, reason: string | null): void {
    this.#options.log.warn('The update failed', { problem, ...(reason !== null && { reason }) });
    this.#show({ doing: 'nothing', problem, reason });
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    const folder = this.#folder;
    if (folder === null || this.#closed.signal.aborted) return;
    this.#timer = this.#options.clock.after(delayMs, async () => {
      if (this.#options.isAutomatic()) await this.#check(folder, false);
      else this.#schedule(CHECK_EVERY_MS);
    });
  }

  /** Calls share a run. Does nothing while an update is being installed. */
  #check(folder: URL, isAsked: boolean): Promise<void> {
    if (this.#running !== null) return this.#running;
    const work = this.#state.doing === 'nothing' ? this.#run(folder, isAsked) : Promise.resolve();
    this.#running = work.finally(() => {
      this.#running = null;
      this.#schedule(this.#state.problem === null ? CHECK_EVERY_MS : RETRY_MS);
    });
    return this.#running;
  }

  async #run(folder: URL, isAsked: boolean): Promise<void> {
    const options = this.#options;
    this.#show({ doing: 'checking', problem: null, reason: null });
    try {
      const feed = await fetchFeed(options, folder, this.#closed.signal);
      if (typeof feed === 'string') return this.#fail(feed, null);
      const { version, arch, installer, records } = options;
      const here = { version, arch, kind: installer.kind, id: installationId(records) };
      const isHere = this.#ready !== null && this.#state.version === feed.version;
      const { finding, file } = judge(feed, here, isAsked || isHere);
      options.log.info('Looked for updates', { finding, version: feed.version });
      const bytes = file?.bytes ?? null;
      this.#show({ finding, version: feed.version, checkedAtMs: options.clock.now(), bytes });
      if (file === null) this.#forget();
      else if (isAsked || !options.isMetered()) await this.#download(folder, feed, file);
      this.#show({ doing: 'nothing' });
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#fail(problemOf(error), isAppError(error) ? error.message : reasonOf(error));
    }
  }

  async #download(folder: URL, { version }: UpdateFeed, file: UpdateFile): Promise<void> {
    const { clock, log, onReady } = this.#options;
    if (this.#ready?.file.sha512 === file.sha512) return;
    this.#forget();
    this.#show({ doing: 'downloading', receivedBytes: 0 });
    let shownAtMs = clock.monotonic();
    const path = await downloadPinned(this.#options, new URL(file.name, folder).href, file, {
      signal: this.#closed.signal,
      onBytes: (receivedBytes) => {
        if (clock.monotonic() - shownAtMs < PROGRESS_EVERY_MS) return;
        shownAtMs = clock.monotonic();
        this.#show({ receivedBytes });
      },
    });
    this.#ready = { path, file };
    log.info('An update was downloaded and verified', { version, file: path });
    this.#show({ file: path, receivedBytes: file.bytes });
    onReady(version);
  }

  #forget(): void {
    this.#ready = null;
    this.#show({ file: null, receivedBytes: null });
  }

  /** Rejects if nothing was replaced; the state shows why. */
  async #replace({ path, file }: ReadyPackage): Promise<void> {
    const { installer, log } = this.#options;
    this.#show({ doing: 'installing', problem: null, reason: null });
    try {
      await installer.replace?.(path, file);
      log.info('An update was installed', { version: this.#state.version });
    } catch (error) {
      // The package has changed since its download.
      if (isAppError(error, 'checksum-mismatch')) this.#forget();
      this.#fail(isAppError(error) ? problemOf(error) : 'not-installed', reasonOf(error));
      throw error;
    }
  }
}

function problemOf(error: unknown): UpdateProblem {
  if (isAppError(error, 'checksum-mismatch')) return 'wrong-file';
  return storageFaultOf(error) === null ? 'unreachable' : 'disk-full';
}
