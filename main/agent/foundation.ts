/** Home, database, books and the owner's word: everything that needs no network. */
import { acquireFileLock, openDatabase } from '../adapters/sqlite/index.ts';
import { createCalendar } from '../core/calendar/index.ts';
import { openHome } from '../core/home/index.ts';
import { createJobs } from '../core/jobs/index.ts';
import { createLedger } from '../core/ledger/index.ts';
import { createPresence, createUsage } from '../core/presence/index.ts';
import { createSettings } from '../core/settings/index.ts';
import type { Surroundings } from './config.ts';
import { firstSettings } from './profiles.ts';

export type Foundation = ReturnType<typeof openFoundation>;

/** Fails with `home-in-use`, `home-not-writable` or `database-corrupt`. */
export function openFoundation({ config, clock, onClose, changed, fault }: Surroundings) {
  const home = openHome({ root: config.home, acquireLock: acquireFileLock, pid: process.pid });
  onClose(() => home.close());
  const database = openDatabase(home.paths.database);
  onClose(() => database.close());
  // A large file is read from end to end only now; what it says, the log tells with the way back.
  database.examined.catch(fault);
  const { records } = database;
  const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const ledger = createLedger({ store: database.ledger, clock, calendar });
  ledger.verifyBalanced();
  const jobs = createJobs({ records: database.jobs, ledger, clock });
  const settings = createSettings({ records, defaults: firstSettings(config.profile, config.host) });
  const presence = createPresence({ clock, calendar, records, settings: settings.get });
  onClose(() => presence.stop());
  let isFree = presence.current().decision !== 'pause';
  const usage = createUsage({ clock, calendar, records, isFree: () => isFree });
  onClose(() => usage.stop());
  presence.onChange(({ decision }) => {
    usage.count();
    isFree = decision !== 'pause';
  });

  jobs.onChange(() => changed('work', 'money'));
  presence.onChange(() => changed('work'));
  settings.onChange(() => {
    presence.refresh();
    changed('settings', 'models', 'money');
  });
  return { paths: home.paths, database, records, calendar, ledger, jobs, settings, presence, usage };
}
