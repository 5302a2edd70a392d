/** Options that commands share: the data folder. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { AppError } from '../../shared/errors.ts';
import { defaultHome, type HomePaths, homePaths } from '../core/home/index.ts';
import { networkFolder } from '../ports/network-choice.ts';

/** Returns the data folder of `--home`, or the default one. Fails with `not-found` if no agent ever ran there. */
export function existingHome(home: string | undefined): HomePaths {
  const paths = chosenHome(home);
  if (!existsSync(paths.database)) {
    throw new AppError(
      'not-found',
      `No Idlewatt data in ${paths.root}: the database is missing. Set the data folder with --home DIR.`,
      { details: { home: paths.root } },
    );
  }
  return paths;
}

/** Returns the data folder of `--home`, or the default one, whether or not it exists. */
export function chosenHome(home: string | undefined): HomePaths {
  const root = homeRoot(home);
  // A network that the owner chose in the app has its data inside.
  return homePaths(root, networkFolder(root, []));
}

/** Returns the folder of `--home`, or the default one: that of all networks. */
export function homeRoot(home: string | undefined): string {
  if (home?.trim() === '') throw new AppError('bad-request', 'Empty value for --home. Use --home DIR.');
  return home ?? defaultHome({ platform: process.platform, environment: process.env, userFolder: homedir() });
}
