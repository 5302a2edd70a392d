/** What the commands' options have in common: the home, and how a value on the command line is read. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import { defaultHome, type HomePaths, homePaths } from '../core/home/index.ts';

/** The home that `--home` names, else the user's; fails with `not-found` where no agent ever ran. */
export function existingHome(home: string | undefined): HomePaths {
  const paths = chosenHome(home);
  if (!existsSync(paths.database)) {
    throw new AppError('not-found', `There is no Idlewatt home at ${paths.root}: it has no database.`, {
      details: { home: paths.root },
    });
  }
  return paths;
}

/** The same, whether or not there is anything yet. */
export function chosenHome(home: string | undefined): HomePaths {
  if (home?.trim() === '') throw new AppError('bad-request', 'Empty value for --home. Use --home DIR.');
  return homePaths(
    home ?? defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() }),
  );
}
