/** `rollback`: after a return to an earlier version of Idlewatt, goes back to the database that it can read. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { acquireFileLock, findWayBack, goBack, readSchemaVersion } from '../adapters/sqlite/index.ts';
import { openHome } from '../core/home/index.ts';
import { systemClock } from '../ports/clock.ts';
import { homePaths } from '../ports/data-folder.ts';
import { networkFolder } from '../ports/network-choice.ts';
import type { CommandRun } from './index.ts';
import { existingHome, homeRoot } from './options.ts';

/**
 * Goes back if nothing is lost, or as many ledger entries as the owner accepts. Fails with `home-in-use` while an agent
 * runs, with `unsupported` if this version can read the database, `not-found` without a copy, and `bad-request` for
 * another number of entries.
 */
export const run: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, 'accept-loss': { type: 'string', default: '0' } },
  });
  existingHome(values.home);
  const root = homeRoot(values.home);
  const home = openHome({
    ...{ root, network: networkFolder(root, []), acquireLock: acquireFileLock, pid: process.pid },
  });
  try {
    const { database, requester } = home.paths;
    const wayBack = wayBackFrom(database);
    if (wayBack === null) {
      throw new AppError(
        'unsupported',
        'This version of Idlewatt can read the database. Nothing was changed.',
      );
    }
    checkAccepted(wayBack.entriesLost, values['accept-loss']);
    const stamp = new Date(systemClock.now()).toISOString().slice(0, 19).replaceAll(':', '-');
    // The practice network's requester works with the same chain and worthless money.
    const requesterDatabase = homePaths(requester).database;
    const requesterWay = wayBackFrom(requesterDatabase);
    if (requesterWay !== null)
      goBack(requesterDatabase, requesterWay, join(requester, `before-rollback-${stamp}`));
    const keptIn = join(home.paths.root, `before-rollback-${stamp}`);
    goBack(database, wayBack, keptIn);
    console.log(`The database is the one of ${new Date(wayBack.copiedAtMs).toISOString()} again.`);
    console.log(`The later one is in ${keptIn}. Keep it: a later version of Idlewatt can read it.`);
    return 0;
  } finally {
    home.close();
  }
};

/** Null if this version can read the database, or there is none. */
function wayBackFrom(database: string) {
  if (!existsSync(database)) return null;
  const version = readSchemaVersion(database);
  if (version.applied <= (version.known.at(-1) ?? 0)) return null;
  const wayBack = findWayBack(database, version.known.at(-1) ?? 0);
  if (wayBack !== null) return wayBack;
  throw new AppError(
    'not-found',
    `There is no copy of ${database} that this version of Idlewatt can read. Nothing was changed. Install the later version again.`,
  );
}

function checkAccepted(entriesLost: number, accepted: string): void {
  if (accepted === String(entriesLost)) return;
  throw new AppError(
    'bad-request',
    entriesLost === 0
      ? 'No ledger entry would be lost. Leave out --accept-loss.'
      : `${entriesLost} ledger entries since the upgrade would be lost, with vouchers that may be the only proof of money ` +
          'earned. Nothing was changed. Install the later version again and pay out there; if you still want to go ' +
          `back, add --accept-loss ${entriesLost}.`,
  );
}
