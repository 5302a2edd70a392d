/**
 * `npm run test:package [-- --desktop]`: builds a package for tests, installs it, uses the app, installs other versions over
 * it and removes it. With `--desktop` it then runs the tests that start the desktop app with the installed one. On Debian and Ubuntu
 * as root; takes several minutes, so it isn't part of `npm test`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { APP_FOLDER, COMMAND, PACKAGE_FOR_TESTS, packageForTests } from '../lib/installed-package.ts';
import { REPOSITORY } from '../lib/places.ts';
import { installSystemPackages } from '../lib/system-packages.ts';
import { readCommandLine } from '../lib/usage.ts';

const HELP = `Usage: npm run test:package [-- --desktop]

Builds a package for tests, installs it, uses the app, installs other versions over it and removes it.

  --desktop  also runs the tests in test/desktop that start the app, with the installed one

Exit codes: 0 all passed, 1 a test failed or nothing was built, 2 wrong command line.`;

const { desktop } = readCommandLine(
  HELP,
  () => parseArgs({ options: { desktop: { type: 'boolean', default: false } } }).values,
);
process.exitCode = testPackage();

function testPackage(): number {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    console.error('npm run test:package installs a package: run it as root on Debian or Ubuntu.');
    return 1;
  }
  if (existsSync(APP_FOLDER)) {
    console.error(`npm run test:package would replace the installed app in ${APP_FOLDER}: remove it first.`);
    return 1;
  }
  if (installSystemPackages(['tests']) !== null) return 1;
  const built = run(['scripts/commands/package.ts', '--for-tests', '--quick']);
  if (built !== 0) return built;
  const tested = run(['--test', '--test-reporter=spec', 'test/package/packed-app.test.ts']);
  return desktop && tested === 0 ? testDesktop() : tested;
}

/** Runs the tests of the desktop app with the installed program. */
function testDesktop(): number {
  try {
    execFileSync('dpkg', ['--install', '--force-depends', packageForTests()], { stdio: 'ignore' });
    return run(['scripts/commands/test.ts', ...filesThatStartTheApp()], { IDLEWATT_INSTALLED_APP: COMMAND });
  } finally {
    execFileSync('dpkg', ['--purge', PACKAGE_FOR_TESTS], { stdio: 'ignore' });
  }
}

/** The other files in test/desktop show the pages in a browser, without the app. */
function filesThatStartTheApp(): string[] {
  const folder = join(REPOSITORY, 'test/desktop');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .filter((name) =>
      /\b(?:openApp|openPlainApp|appProgram)\(/.test(readFileSync(join(folder, name), 'utf8')),
    )
    .map((name) => `test/desktop/${name}`);
}

/** Paths of TypeScript files are in the repository. */
function run(parameters: readonly string[], environment: Readonly<Record<string, string>> = {}): number {
  const words = parameters.map((word) => (word.endsWith('.ts') ? join(REPOSITORY, word) : word));
  const options = { cwd: REPOSITORY, stdio: 'inherit', env: { ...process.env, ...environment } } as const;
  return spawnSync(process.execPath, words, options).status ?? 1;
}
