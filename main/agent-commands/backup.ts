/**
 * `backup` and `restore`: writes a data folder into one file, even while its agent runs, and restores it into an empty
 * place.
 */
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import {
  compareDatabases,
  copyDatabaseFile,
  openBesideAgent,
  prepareRestored,
} from '../adapters/sqlite/index.ts';
import { knownWallet } from '../agent/known-wallet.ts';
import { backUpHome, defaultHome, type HomePaths, inspectBackup, restoreHome } from '../core/home/index.ts';
import { systemClock } from '../ports/clock.ts';
import type { CommandRun } from './index.ts';
import { existingHome } from './options.ts';

export const backUp: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, out: { type: 'string' } },
  });
  if (values.out === undefined) throw new AppError('bad-request', 'Name the file to write with --out FILE.');
  const out = resolve(values.out);
  const paths = existingHome(values.home);
  const { files, holdsPracticePassphrase } = await backUpHome(paths, out, {
    copyDatabase: copyDatabaseFile,
    now: systemClock.now,
  });
  console.log(
    `Wrote ${files.length} files to ${out}. Models, which can be downloaded again, and logs are left out.`,
  );
  console.log(
    'It contains the wallet’s keystore file, encrypted with your passphrase, which isn’t included. It also contains ' +
      'this machine’s peer key and the gateway’s key. Keep the file as safe as a key.',
  );
  if (holdsPracticePassphrase) {
    console.log('It contains the practice wallet’s passphrase: anyone with this file has that wallet.');
  }
  return 0;
};

export const restore: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, in: { type: 'string' }, check: { type: 'boolean' } },
  });
  if (values.in === undefined)
    throw new AppError('bad-request', 'Name the backup to restore with --in FILE.');
  if (values.check === true) return inspect(existingHome(values.home), resolve(values.in));
  const home =
    values.home ??
    defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
  const files = await restoreHome(resolve(values.in), home, prepareRestored);
  console.log(`Restored ${files.length} files to ${resolve(home)}.`);
  console.log(
    'Don’t run the old data folder as well: two agents that sign for the same channels would spend the same money twice.',
  );
  return 0;
};

/** Prints one line of JSON: the facts of `shared/api/maintenance.ts`, and the assets in the backup's ledger. */
async function inspect(paths: HomePaths, from: string): Promise<number> {
  const facts = await inspectBackup(paths, from, {
    check: prepareRestored,
    read: (database, here) => ({
      ...compareDatabases(database, here),
      ...aboutMoney(database),
      walletHere: aboutMoney(here).wallet,
    }),
  });
  console.log(JSON.stringify(facts));
  return 0;
}

function aboutMoney(path: string): { readonly wallet: string | null; readonly assetIds: readonly string[] } {
  const database = openBesideAgent(path);
  try {
    const assetIds = new Set(database.ledger.balances().map(({ assetId }) => assetId));
    return { wallet: knownWallet(database.records).get(), assetIds: [...assetIds] };
  } finally {
    database.close();
  }
}
