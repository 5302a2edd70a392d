/** Opens the log of an agent. */
import { isAppError } from '../../shared/errors.ts';
import { openLogFile } from '../adapters/pino/index.ts';
import type { Log } from '../ports/log.ts';
import { storageFaultOf } from '../ports/storage.ts';
import type { AgentConfig } from './config.ts';

export interface AgentLog {
  readonly log: Log;
  /** Writes what is still to be reported and closes the file. */
  close(): void;
}

/**
 * Opens `agent.log` in the log folder of a data folder. Without a desktop shell, which shows problems to the owner,
 * warnings and errors are printed on stderr as well.
 */
export function openAgentLog(config: AgentConfig, folder: string): AgentLog {
  const isServer = config.host === 'headless' && config.role !== 'practice-requester';
  return openLogFile({
    folder,
    name: 'agent',
    level: config.logLevel,
    ...(isServer && { onProblem: (line: string) => console.error(`idlewatt: ${line}`) }),
  });
}

/**
 * Returns a handler for unexpected failures of background work. While the database can't be written, all of it fails, and
 * the agent has said so once.
 */
export function logFault(log: Log, message: string): (error: unknown) => void {
  return (error) => {
    const fault = isAppError(error) ? storageFaultOf(error) : null;
    // A damaged row concerns this work alone.
    if (fault === null || fault === 'database-damaged') log.error(message, error);
    else log.debug(message, { cause: fault });
  };
}
