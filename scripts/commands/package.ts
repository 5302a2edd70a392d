/**
 * `npm run package [-- --homepage URL --contact EMAIL | --for-tests [--quick] | --sizes]`: builds the packages of this system into
 * dist/package: deb, rpm and AppImage on Linux, an installer on Windows, dmg and zip on macOS. Packages for users contain
 * the official Electron. Names in one line what is missing where it can't build one; exits with 1 if it built none.
 */
import { statSync } from 'node:fs';
import { dirname, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { PINNED_CUDA } from '../../main/core/graphics-libraries/index.ts';
import { feedFolder } from '../../main/core/updates/index.ts';
import { archiveAddresses } from '../lib/archive-addresses.ts';
import { buildAll } from '../lib/build-targets.ts';
import { electronForTests } from '../lib/electron-for-tests.ts';
import { officialElectron } from '../lib/official-electron.ts';
import { buildPackages, type PackageRequest } from '../lib/package-build.ts';
import { PACKAGE_BYTES_MAX } from '../lib/package-rules.ts';
import { packageSize, RELEASED } from '../lib/package-sizes.ts';
import { availableTargets, supportedSystem } from '../lib/package-targets.ts';
import { REPOSITORY } from '../lib/places.ts';
import { readCommandLine, UsageError } from '../lib/usage.ts';

const ELECTRON_DOWNLOAD_MS_MAX = 300_000;
/** Reserved names (RFC 2606), in packages that nobody gets. */
const FOR_TESTS = { homepage: 'https://idlewatt.example', contact: 'packages@idlewatt.example' } as const;

const HELP = `Usage: npm run package -- --homepage URL --contact EMAIL | --for-tests [--quick] | --sizes

Builds the packages of this system into dist/package.

  --homepage URL   where the project is, for the packages' descriptions
  --contact EMAIL  whom to ask about the packages
  --updates URL    folder with the update feed (docs/release.md); without it the app looks for no updates
  --for-tests      a package with a substitute for Electron, for this repository's tests only: never publish it
  --quick          only the deb for tests, without compressing it or checking its size
  --sizes          builds nothing: computes the sizes of the packages for each system from the lists of their files

Exit codes: 0 built, 1 nothing was built or a package is too large, 2 wrong command line.`;

type BuildOptions = Pick<PackageRequest, 'forTests' | 'quick' | 'homepage' | 'contact' | 'updates'>;

/** Null: only the sizes are wanted. */
const options = readCommandLine(HELP, (): BuildOptions | null => {
  const { values } = parseArgs({
    options: {
      homepage: { type: 'string' },
      contact: { type: 'string' },
      updates: { type: 'string' },
      'for-tests': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      sizes: { type: 'boolean', default: false },
    },
  });
  const { homepage, contact, quick } = values;
  if (values.sizes) return null;
  if (values['for-tests']) return { forTests: true, quick, updates: null, ...FOR_TESTS };
  if (quick) throw new UsageError('--quick needs --for-tests.');
  if (!URL.canParse(homepage ?? '')) throw new UsageError('--homepage needs the address of the project.');
  if (!/^\S+@\S+$/.test(contact ?? '')) throw new UsageError('--contact needs an e-mail address.');
  const updates = values.updates ?? null;
  if (updates !== null && feedFolder(updates) === null)
    throw new UsageError('--updates needs an HTTPS address without user, query and fragment.');
  return { forTests: false, quick, homepage: String(homepage), contact: String(contact), updates };
});

try {
  if (options === null) await printSizes();
  else await packageApp(options);
} catch (error) {
  fail(error instanceof Error ? error.message : String(error));
}

async function printSizes(): Promise<void> {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  for (const system of RELEASED) {
    const { files, bytes, compressedBytes } = await packageSize(system);
    const left = megabytes(PACKAGE_BYTES_MAX - compressedBytes);
    const name = `${system.platform}-${system.arch}`;
    console.log(
      `${name}: ${files} files, ${megabytes(bytes)}, compressed ${megabytes(compressedBytes)}; ${left} left for Electron`,
    );
  }
}

async function packageApp(options: BuildOptions): Promise<void> {
  const electron = await chosenElectron(options);
  const { targets, missing, withoutFpm } = await availableTargets(options.forTests, options.quick);
  for (const line of missing) console.log(line);
  if (targets.length === 0) return fail('No package can be built on this system.');
  const built = await buildAll();
  if (built.length > 0) console.log(`Built ${built.join(', ')}.`);
  const system = supportedSystem();
  // A package for tests fetches nothing.
  const pinned = options.forTests ? [] : (PINNED_CUDA[`${system.platform}-${system.arch}`] ?? []);
  const paths = await buildPackages({
    ...{ system, targets, withoutFpm, archives: await archiveAddresses(pinned) },
    ...electron,
    ...options,
  });
  for (const path of paths) {
    const { size } = statSync(path);
    console.log(`${relative(REPOSITORY, path)}: ${(size / 1e6).toFixed(1)} MB`);
    if (!options.quick && size > PACKAGE_BYTES_MAX)
      fail(`${path} has more than ${PACKAGE_BYTES_MAX / 1e6} MB.`);
  }
}

async function chosenElectron(
  options: BuildOptions,
): Promise<Pick<PackageRequest, 'electronFolder' | 'electronVersion'>> {
  if (options.forTests) {
    const { executable, version } = await electronForTests();
    return { electronFolder: dirname(executable), electronVersion: version };
  }
  const official = await officialElectron({ downloadMsMax: ELECTRON_DOWNLOAD_MS_MAX, print: console.log });
  if (official.executable === null) {
    throw new Error(
      `Nothing was packaged: ${official.reason}, and packages for users need the official Electron.`,
    );
  }
  return { electronFolder: `${REPOSITORY}/node_modules/electron/dist`, electronVersion: official.version };
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}
