/**
 * Notices that another version was installed over the running one, and restarts the app when its owner wants that: no job
 * begins any more, and the running ones, sold and bought, end first. The stop that follows is the ordinary one; vouchers and ledger survive
 * it, so nothing is paid out for it.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../../shared/errors.ts';
import { VERSION } from '../../shared/version.ts';
import type { Notices } from '../core/notices/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { PACKAGE_FILE } from './own-package.ts';

const CHECK_EVERY_MS = 60_000;
const JOBS_CHECK_MS = 500;
/** A job that takes longer than this ends with the stop. */
const JOBS_MS_MAX = 10 * 60_000;

const packageSchema = z.object({ version: z.string().max(100) });

export interface UpgradeOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly notices: Pick<Notices, 'show' | 'clear'>;
  /** Number of jobs, sold and bought, that run now. */
  readonly activeJobs: () => number;
  /** Begins no new jobs from now on, until the returned function is called. */
  readonly refuseJobs: () => () => void;
  /** Starts the app again; null without the desktop app. */
  readonly relaunch: (() => void) | null;
  /** Others are for tests. */
  readonly file?: string;
}

export interface Upgrade {
  /**
   * Starts the app again as soon as no job runs, after `prepare`; where that rejects, jobs are taken again instead. Fails
   * with `unsupported` without the desktop app.
   */
  restart(prepare?: () => Promise<void>): void;
  stop(): void;
}

export function watchUpgrade(options: UpgradeOptions): Upgrade {
  const { clock, log, notices, activeJobs, refuseJobs, relaunch, file = PACKAGE_FILE } = options;
  let installed = VERSION;
  let isRestarting = false;
  const ends: (() => void)[] = [];

  const check = () => {
    const version = readVersion(file) ?? installed;
    if (version === installed) return;
    installed = version;
    log.info('Another version was installed', { running: VERSION, installed });
    if (version === VERSION) notices.clear('upgraded');
    else notices.show('upgraded', { severity: 'info', details: { version } });
  };
  const checking = clock.every(CHECK_EVERY_MS, check);
  ends.push(() => checking.cancel());

  return {
    restart(prepare = async () => undefined) {
      if (relaunch === null) {
        throw new AppError('unsupported', 'Without the desktop app, restart Idlewatt as you started it.');
      }
      if (isRestarting) return;
      isRestarting = true;
      const takeJobs = refuseJobs();
      const untilMs = clock.monotonic() + JOBS_MS_MAX;
      log.info('The owner restarts Idlewatt', { jobs: activeJobs() });
      const waiting = clock.every(JOBS_CHECK_MS, () => {
        if (activeJobs() > 0 && clock.monotonic() < untilMs) return;
        waiting.cancel();
        prepare().then(relaunch, () => {
          isRestarting = false;
          takeJobs();
        });
      });
      ends.push(() => waiting.cancel());
    },
    stop() {
      for (const end of ends) end();
    },
  };
}

/** Null while the file is being replaced. */
function readVersion(file: string): string | null {
  try {
    const read: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return packageSchema.safeParse(read).data?.version ?? null;
  } catch {
    return null;
  }
}
