/** Port for the storage of batches: files, batches and their lines, which survive a kill at any moment. */
import type { StoredBatch, StoredFile } from '../../shared/batches.ts';

/** `sent`: a provider may compute or have charged it; its answer isn't here. */
export type LineState = 'waiting' | 'sent' | 'answered' | 'failed';

/** One line of a batch's file. */
export interface BatchLine {
  readonly batchId: string;
  /** From 1. */
  readonly line: number;
  readonly customId: string;
  /** Place in the input file, in bytes. */
  readonly offset: number;
  readonly bytes: number;
  readonly state: LineState;
  /** IDs of the bought jobs, the latest last. */
  readonly jobs: readonly string[];
  /** The provider of the latest job. */
  readonly peer: string | null;
  /** JSON of the pieces of an answer that another job has begun; null if there are none. */
  readonly begun: string | null;
  /** Attempts that a provider has failed. */
  readonly failures: number;
  /** The response or the error, as JSON; null until it has ended. */
  readonly result: string | null;
  /** Base units that its jobs have cost; null until that is known. */
  readonly charged: string | null;
}

export type LinePatch = Partial<Omit<BatchLine, 'batchId' | 'line' | 'customId' | 'offset' | 'bytes'>>;

export interface ListPage {
  /** ID of the last item of the previous page. */
  readonly after: string | null;
  readonly limit: number;
  readonly isNewestFirst: boolean;
}

/** Each call is visible when it returns, and on disk after {@link BatchStore.durable}. */
export interface BatchStore {
  insertFile(file: StoredFile): void;
  findFile(id: string): StoredFile | null;
  listFiles(page: ListPage & { readonly purpose: StoredFile['purpose'] | null }): readonly StoredFile[];
  deleteFile(id: string): void;
  /** Bytes of all files, and of the results that aren't in a file yet. */
  usedBytes(): number;
  countFiles(): number;

  insertBatch(batch: StoredBatch): void;
  findBatch(id: string): StoredBatch | null;
  listBatches(page: ListPage): readonly StoredBatch[];
  /** Batches that haven't ended, the oldest first. */
  openBatches(): readonly StoredBatch[];
  updateBatch(id: string, patch: Partial<StoredBatch>): StoredBatch;

  /** Adds waiting lines. Returns the numbers of those whose custom ID is taken, which aren't added. */
  addLines(
    batchId: string,
    lines: readonly Pick<BatchLine, 'line' | 'customId' | 'offset' | 'bytes'>[],
  ): readonly number[];
  findLine(batchId: string, line: number): BatchLine | null;
  /** Lines of a state after a number, in order. */
  lines(batchId: string, state: LineState, afterLine: number, limit: number): readonly BatchLine[];
  updateLine(batchId: string, line: number, patch: LinePatch): void;
  deleteLines(batchId: string): void;

  /** All or nothing; calls may nest. */
  transaction<T>(run: () => T): T;
  /** Resolves when everything so far is on disk. */
  durable(): Promise<void>;
  close(): void;
}
