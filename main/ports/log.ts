/** The `Log` port. Its types are in shared/, because the desktop shell logs through it too. */
import type { Log } from '../../shared/log.ts';

export * from '../../shared/log.ts';

/** Prints warnings and errors on stderr: for a process that has no log file, or none yet. */
export const stderrLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => console.error(`idlewatt: ${message}`),
  error(message, error) {
    console.error(`idlewatt: ${message}`, error);
    return 'none';
  },
  child: () => stderrLog,
};
