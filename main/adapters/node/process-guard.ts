/**
 * Ends the process in order after a bug: an uncaught exception or an unhandled rejection is logged with its stack,
 * everything is closed, and {@link BUG_EXIT_CODE} lets the parent start it again.
 */
import { BUG_EXIT_CODE } from '../../../shared/options.ts';
import type { Log } from '../../ports/log.ts';

export interface ProcessGuardOptions {
  readonly log: Log;
  /** Closes what must be closed, the database last. May reject, and may hang. */
  readonly close: () => void | Promise<void>;
  /** The process ends after this time even if something hangs. Default 4.5 s, because a stop may take up to five. */
  readonly closeMsMax?: number;
  /** Returns true for a failure that is no bug, such as a full disk: it is logged, and the process continues. */
  readonly isExpected?: (error: unknown) => boolean;
}

const CLOSE_MS_MAX = 4_500;

/** Installs the guard; call once. Returns the function that removes it. */
export function guardProcess({
  log,
  close,
  closeMsMax = CLOSE_MS_MAX,
  isExpected = () => false,
}: ProcessGuardOptions): () => void {
  let isEnding = false;
  const end = (error: unknown, origin: NodeJS.UncaughtExceptionOrigin) => {
    const what = origin === 'unhandledRejection' ? 'Unhandled rejection' : 'Uncaught exception';
    if (isExpected(error)) {
      log.error('Background work failed; it is tried again', error);
      return;
    }
    if (isEnding) {
      log.error(`${what} while closing.`, error);
      return;
    }
    isEnding = true;
    log.error(`${what}: closing everything, then exiting.`, error);
    // Keeps the process alive, which would otherwise exit with code 0 while nothing but `close` is pending.
    setTimeout(() => {
      log.warn('Closing took too long.', { closeMsMax });
      process.exit(BUG_EXIT_CODE);
    }, closeMsMax);
    void closeAndExit();
  };
  const closeAndExit = async () => {
    try {
      await close();
    } catch (error) {
      log.error('Closing failed.', error);
    }
    process.exit(BUG_EXIT_CODE);
  };
  // Unhandled rejections arrive here, too: Node raises them as uncaught exceptions.
  process.on('uncaughtException', end);
  return () => {
    process.off('uncaughtException', end);
  };
}
