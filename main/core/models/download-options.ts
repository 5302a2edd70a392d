/** Options that every kind of download takes. */
import type { Clock } from '../../ports/clock.ts';
import type { OpenPartFile } from './part-file.ts';

export interface DownloadOptions {
  /** The part file to append to. */
  readonly path: string;
  /** Size of the whole file; null if unknown. */
  readonly sizeBytes: number | null;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly openPart: OpenPartFile;
  /** Python interpreter that runs pip. */
  readonly python: string;
  readonly signal: AbortSignal;
  readonly onBytes: (receivedBytes: number, totalBytes: number | null) => void;
}
