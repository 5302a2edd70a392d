/**
 * `npm run test:package`: builds a package for tests, installs it, uses the app and removes it again. On Debian and
 * Ubuntu as root; takes several minutes, so it isn't part of `npm test`.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from '../lib/places.ts';
import { installSystemPackages } from '../lib/system-packages.ts';
import { readCommandLine } from '../lib/usage.ts';

readCommandLine(
  'Usage: npm run test:package\n\nBuilds, installs, uses and removes a package for tests.',
  () => {},
);
process.exitCode = testPackage();

function testPackage(): number {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error('npm run test:package installs a package: run it as root on Debian or Ubuntu.');
    return 1;
  }
  if (installSystemPackages(['tests']) !== null) return 1;
  const built = run(join(REPOSITORY, 'scripts/commands/package.ts'), '--for-tests', '--quick');
  return built === 0
    ? run('--test', '--test-reporter=spec', join(REPOSITORY, 'test/package/packed-app.test.ts'))
    : built;
}

function run(...parameters: string[]): number {
  return spawnSync(process.execPath, parameters, { cwd: REPOSITORY, stdio: 'inherit' }).status ?? 1;
}
