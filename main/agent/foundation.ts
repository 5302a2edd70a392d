/** Opens what needs no network: database, ledger, jobs, settings and presence. */
import type { StorageFault } from '../../shared/presence.ts';
import { createMachineLock } from '../adapters/node/index.ts';
import { type OpenDatabase, openDatabase } from '../adapters/sqlite/index.ts';
import { isPaymentPending } from '../adapters/x402/index.ts';
import { createCalendar } from '../core/calendar/index.ts';
import { createFolding, createJobs } from '../core/jobs/index.ts';
import { createLedger } from '../core/ledger/index.ts';
import { createWorkBook, type WorkBook } from '../core/machines/index.ts';
import { createPresence, createUsage, type PresenceService } from '../core/presence/index.ts';
import { createSettings } from '../core/settings/index.ts';
import type { HomePaths } from '../ports/data-folder.ts';
import { watchLoad } from './busy-memory.ts';
import { readInheritedSettings } from './inherited-settings.ts';
import { logFault } from './log.ts';
import { membershipFile } from './membership-file.ts';
import { firstSettings } from './profiles.ts';
import type { Surroundings } from './surroundings.ts';

/** Interval of the checks of the disk and the database file, in milliseconds. */
const STORAGE_CHECK_MS = 5_000;

export type Foundation = ReturnType<typeof openFoundation>;

/** Fails with `database-corrupt`. */
export function openFoundation(surroundings: Surroundings, paths: HomePaths) {
  const { config, terms, clock, onClose, changed } = surroundings;
  const database = openStores(surroundings, paths);
  const { records } = database;
  const calendar = createCalendar(Intl.DateTimeFormat().resolvedOptions().timeZone);
  const ledger = createLedger({ store: database.ledger, clock, calendar });
  ledger.verifyBalanced();
  const { durability } = database;
  const isWithMachines = !terms.isPaid || membershipFile(paths.keys, 'outside').read() !== null;
  const workBook = isWithMachines ? createWorkBook({ records, calendar, clock }) : null;
  const jobs = createJobs({
    records: database.jobs,
    store: records,
    ledger: workBook === null ? ledger : withWork(ledger, workBook),
    clock,
    durability,
    isPaymentPending: (job) => isPaymentPending(records, ledger.hasPayment, job),
  });
  onClose(() => jobs.stop());
  const settings = createSettings({
    records,
    defaults: { ...firstSettings(config.profile, config.host), ...readInheritedSettings(paths.root) },
  });
  const folding = createFolding({
    records: database.jobs,
    clock,
    days: () => settings.get().jobHistoryDays,
    log: surroundings.log.child('jobs'),
  });
  onClose(() => folding.stop());
  const presence = createPresence({
    ...{ clock, calendar, records, settings: settings.get },
    lock: surroundings.serves ? createMachineLock({ log: surroundings.log.child('machine') }) : null,
  });
  onClose(() => presence.stop());
  watchStorage(surroundings, database, presence);
  const usage = countUsage(presence, { clock, calendar, records });
  onClose(() => usage.stop());

  jobs.onChange(() => changed('work', 'money'));
  onClose(watchLoad({ clock, log: surroundings.log.child('memory'), jobs }));
  presence.onChange(() => changed('work'));
  settings.onChange(() => {
    presence.refresh();
    changed('settings', 'models', 'money');
  });
  return { paths, database, records, calendar, ledger, jobs, settings, presence, usage, workBook };
}

/** Books the work of a job in the transaction that ends it. */
function withWork(
  ledger: ReturnType<typeof createLedger>,
  workBook: WorkBook,
): Parameters<typeof createJobs>[0]['ledger'] {
  return {
    bookedOnChannel: ledger.bookedOnChannel,
    customerBalance: ledger.customerBalance,
    jobCharged(job) {
      workBook.book(job);
      return ledger.jobCharged(job);
    },
  };
}

function openStores({ onClose, log }: Surroundings, paths: HomePaths) {
  const database = openDatabase(paths.database);
  onClose(() => database.close());
  // A large file is verified in the background; the failure tells how to restore it.
  database.examined.catch(logFault(log.child('database'), 'The database failed its verification'));
  return database;
}

/** Pauses while nothing could be recorded, and resumes when the disk can be written again. */
function watchStorage(
  { clock, onClose, log }: Surroundings,
  { storage }: OpenDatabase,
  presence: PresenceService,
): void {
  const ownLog = log.child('database');
  const take = (fault: StorageFault | null) => {
    presence.setStorage(fault);
    if (fault === null) ownLog.info('The database can be written again');
    else
      ownLog.warn('Nothing is sold or bought while it can’t be recorded', {
        cause: fault,
        ...adviceFor(fault),
      });
  };
  const initial = storage.fault();
  if (initial !== null) take(initial);
  onClose(storage.onChange(take));
  storage.check();
  const timer = clock.every(STORAGE_CHECK_MS, () => storage.check());
  onClose(() => timer.cancel());
}

function adviceFor(fault: StorageFault): { readonly advice?: string } {
  if (fault === 'database-damaged') {
    return {
      advice: 'Quit Idlewatt, run `ledger verify` to see what changed, and restore idlewatt.db.backup.',
    };
  }
  if (fault !== 'database-lost') return {};
  return {
    advice:
      'Quit Idlewatt and put idlewatt.db and idlewatt.db-wal back. If they are gone, rename idlewatt.db.rescued to ' +
      'idlewatt.db: it was copied when the loss was noticed.',
  };
}

/** Counts the time in which work is permitted. The time before a change counts by the decision before it. */
function countUsage(
  presence: PresenceService,
  parts: Omit<Parameters<typeof createUsage>[0], 'isFree'>,
): ReturnType<typeof createUsage> {
  let isFree = presence.current().decision !== 'pause';
  const usage = createUsage({ ...parts, isFree: () => isFree });
  presence.onChange(({ decision }) => {
    usage.count();
    isFree = decision !== 'pause';
  });
  return usage;
}
