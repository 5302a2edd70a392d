/**
 * Backs up a data folder into one file, even while its agent runs: database, keys, the practice chain and rates.
 * Models and logs are left out: models can be downloaded again, and logs aren't needed to continue.
 */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../../shared/errors.ts';
import { type HomePaths, homePaths } from '../../ports/data-folder.ts';
import { type ArchivedFile, writeArchive } from './archive.ts';
import { MANIFEST, writeManifest } from './manifest.ts';

/** If the chain changes while the databases are copied, they are copied again. */
const ATTEMPTS_MAX = 20;
const ATTEMPT_PAUSE_MS = 250;
const PRACTICE_PASSPHRASE = 'practice-passphrase';

export interface BackupParts {
  /** Writes the database at `from` as one whole file at `to`, even while it is in use. */
  readonly copyDatabase: (from: string, to: string) => void;
  readonly now: () => number;
}

export interface BackupResult {
  readonly files: readonly string[];
  /** True if the practice wallet's passphrase is inside: then the file alone gives access to that wallet. */
  readonly holdsPracticePassphrase: boolean;
}

/** Fails with `bad-request` if `out` already exists, `busy` if the practice chain keeps changing. */
export async function backUpHome(paths: HomePaths, out: string, parts: BackupParts): Promise<BackupResult> {
  if (existsSync(out)) {
    throw new AppError('bad-request', `${out} already exists. Choose another file with --out.`);
  }
  const unfinished = `${out}.part`;
  // The requester first: if the provider's copy is newer than the requester's, the next request reconciles them.
  const homes = [
    { prefix: 'requester/', paths: homePaths(paths.requester), copy: `${unfinished}.requester.db` },
    { prefix: '', paths, copy: `${unfinished}.db` },
  ].filter((home) => existsSync(home.paths.database));
  try {
    await copyDatabases(homes, paths, parts);
    const files: ArchivedFile[] = homes.flatMap((home) => [
      { name: `${home.prefix}idlewatt.db`, from: home.copy },
      ...filesOf(home.paths, home.prefix),
    ]);
    rmSync(unfinished, { force: true });
    await writeArchive(unfinished, files, (written) => ({
      name: MANIFEST,
      from: { content: Buffer.from(writeManifest(written, parts.now())) },
    }));
    renameSync(unfinished, out);
    return {
      files: files.map(({ name }) => name),
      holdsPracticePassphrase: files.some(({ name }) => name.endsWith(`/${PRACTICE_PASSPHRASE}`)),
    };
  } finally {
    for (const file of [unfinished, ...homes.map(({ copy }) => copy)]) rmSync(file, { force: true });
  }
}

/** Copies databases that match the practice chain: if it changed meanwhile, they are copied again. */
async function copyDatabases(
  homes: readonly { readonly paths: HomePaths; readonly copy: string }[],
  paths: HomePaths,
  parts: BackupParts,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const before = chainState(paths);
    for (const { paths: from, copy } of homes) parts.copyDatabase(from.database, copy);
    if (before.equals(chainState(paths))) return;
    await sleep(ATTEMPT_PAUSE_MS);
  }
  throw new AppError(
    'busy',
    'Could not copy the practice chain because it kept changing. Try again in a moment.',
  );
}

function chainState(paths: HomePaths): Buffer {
  return Buffer.concat(
    namesIn(paths.chain)
      .filter(isChainState)
      .map((name) => readFileSync(join(paths.chain, name))),
  );
}

function isChainState(name: string): boolean {
  return /^practice-chain\.(gz|json)$/.test(name);
}

function filesOf(paths: HomePaths, prefix: string): ArchivedFile[] {
  // Small files are read now, so that they are from this moment even if they are written to meanwhile.
  const file = (name: string, path: string): ArchivedFile => ({
    name: `${prefix}${name}`,
    from: { content: readFileSync(path) },
  });
  const rates = join(paths.root, 'rates.json');
  return [
    ...namesIn(paths.keys)
      .filter((name) => !name.endsWith('.new'))
      .map((name) => file(`keys/${name}`, join(paths.keys, name))),
    ...namesIn(paths.chain)
      .filter(isChainState)
      .map((name) => file(`chain/${name}`, join(paths.chain, name))),
    ...(existsSync(rates) ? [file('rates.json', rates)] : []),
  ];
}

/** Names of the regular files in a folder, sorted. */
function namesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}
