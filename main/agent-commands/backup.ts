/** `backup` and `restore`: a home in one file, also while its agent runs, and back where nothing is. */
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
  const { files, holdsPracticePassphrase } = await backUpHome(existingHome(values.home), out, {
    copyDatabase: copyDatabaseFile,
    now: systemClock.now,
  });
  console.log(`Wrote ${files.length} files to ${out}. Models and logs are left out: they can be had again.`);
  console.log(
    'The wallet’s key file is inside as it is, encrypted with your pass phrase, which is not. This machine’s ' +
      'name among peers and the gateway’s key are inside, too: keep the file like a key.',
  );
  if (holdsPracticePassphrase) {
    console.log('The practice wallet’s pass phrase is inside: whoever has this file has that wallet.');
  }
  return 0;
};

export const restore: CommandRun = async (argv) => {
  const { values } = parseArgs({
    args: [...argv],
    options: { home: { type: 'string' }, in: { type: 'string' } },
  });
  if (values.in === undefined) throw new AppError('bad-request', 'Name the backup with --in FILE.');
  const home =
    values.home ??
    defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
  const files = await restoreHome(resolve(values.in), home, (database) => openForReading(database).close());
  console.log(`Restored ${files.length} files to ${resolve(home)}.`);
  console.log(
    'Do not run the old home as well: two that sign for the same channels would spend the same money twice.',
  );
  return 0;
};
