/** What every way of downloading is given. */
import type { Clock } from '../../ports/clock.ts';
import type { OpenPartFile } from './part-file.ts';

export interface DownloadOptions {
  /** The part file to grow. */
  readonly path: string;
  /** Size of the whole file; null when unknown. */
  readonly sizeBytes: number | null;
  readonly clock: Clock;
  readonly fetch: typeof globalThis.fetch;
  readonly openPart: OpenPartFile;
  /** The Python that pip runs in. */
  readonly python: string;
  readonly signal: AbortSignal;
  readonly onBytes: (receivedBytes: number, totalBytes: number | null) => void;
}
