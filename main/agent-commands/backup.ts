/**
 * `backup` and `restore`: writes a data folder into one file, even while its agent runs, and restores it into an empty
 * place.
 */
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { AppError } from '../../shared/errors.ts';
import { copyDatabaseFile, openForReading } from '../adapters/sqlite/index.ts';
import { backUpHome, defaultHome, restoreHome } from '../core/home/index.ts';
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
    options: { home: { type: 'string' }, in: { type: 'string' } },
  });
  if (values.in === undefined)
    throw new AppError('bad-request', 'Name the backup to restore with --in FILE.');
  const home =
    values.home ??
    defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
  const files = await restoreHome(resolve(values.in), home, (database) => openForReading(database).close());
  console.log(`Restored ${files.length} files to ${resolve(home)}.`);
  console.log(
    'Don’t run the old data folder as well: two agents that sign for the same channels would spend the same money twice.',
  );
  return 0;
};
