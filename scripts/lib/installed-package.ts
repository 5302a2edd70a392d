/** Places of the package for tests and of the installed app. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { REPOSITORY } from './places.ts';

/** Folder of built packages. */
export const OUTPUT = join(REPOSITORY, 'dist/package');
export const PACKAGE_FOR_TESTS = 'idlewatt-for-tests';
export const APP_FOLDER = '/opt/Idlewatt';
export const COMMAND = '/usr/bin/idlewatt';

/** The deb for tests of this version. Fails if it wasn't built. */
export function packageForTests(): string {
  const name = readdirSync(OUTPUT).find(
    (file) => file.includes(`-${packageJson.version}-`) && file.endsWith('-for-tests.deb'),
  );
  if (name === undefined) throw new Error('There is no package for tests: run `npm run test:package`.');
  return join(OUTPUT, name);
}
