/**
 * A home in one file, and back: database, keys, the practice chain, rates; no models and no logs, which can be
 * had again. Made while the agent runs, restored only where nothing is.
 */
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { type ArchivedFile, type FoundFile, readArchive, writeArchive } from './archive.ts';
import { type HomePaths, homePaths } from './index.ts';

const MANIFEST = 'idlewatt-backup.json';
const MANIFEST_BYTES_MAX = 1_000_000;
/** Everything that a backup may hold; a path beyond it is refused, wherever it comes from. */
const ALLOWED =
  /^(requester\/)?(idlewatt\.db|rates\.json|keys\/[A-Za-z0-9][\w.-]{0,60}|chain\/[A-Za-z0-9][\w.-]{0,60})$/;
/** The chain moves on while the databases are copied; then they are copied again. */
const ATTEMPTS_MAX = 20;
const ATTEMPT_PAUSE_MS = 250;
const PRACTICE_PASSPHRASE = 'practice-passphrase';

const manifestSchema = z.object({
  format: z.literal('idlewatt-backup-1'),
  createdAtMs: z.number(),
  files: z.array(z.object({ name: z.string(), bytes: z.number(), sha256: z.string() })),
});

export interface BackupParts {
  /** Writes the database at `from` as one whole file at `to`, also while it is in use. */
  readonly copyDatabase: (from: string, to: string) => void;
  readonly now: () => number;
}

export interface BackupResult {
  readonly files: readonly string[];
  /** The practice wallet's pass phrase is inside: whoever has the file has that wallet. */
  readonly holdsPracticePassphrase: boolean;
}

/** Fails with `bad-request` when there is something at `out`, `busy` when the practice chain never rests. */
export async function backUpHome(paths: HomePaths, out: string, parts: BackupParts): Promise<BackupResult> {
  if (existsSync(out)) {
    throw new AppError('bad-request', `There is already something at ${out}; name another file.`);
  }
  const unfinished = `${out}.part`;
  // The requester first: a provider that knows more than its customer is put right by the next request.
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
      from: {
        content: Buffer.from(
          JSON.stringify({ format: 'idlewatt-backup-1', createdAtMs: parts.now(), files: written }),
        ),
      },
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

/** Books and practice chain of one moment: the chain rests while they are copied, or they are copied again. */
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
    'The practice chain does not rest long enough to copy it; try again in a moment.',
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
  // Read now: what is small is then of this moment, whatever is written to it meanwhile.
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

/** Regular files in a folder, in order. */
function namesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

/**
 * Puts a backup back, whole or not at all. Fails with `bad-request` when the home is not empty,
 * `checksum-mismatch` when the file is damaged, and with what `check` says of the database.
 */
export async function restoreHome(
  from: string,
  root: string,
  check: (database: string) => void,
): Promise<readonly string[]> {
  const { root: home } = homePaths(root);
  if (existsSync(home) && readdirSync(home).length > 0) {
    throw new AppError(
      'bad-request',
      `${home} is not empty: a backup is restored only where nothing is. Name another folder, or move this one away.`,
    );
  }
  if (!existsSync(from)) throw new AppError('not-found', `There is no backup at ${from}.`);
  mkdirSync(dirname(home), { recursive: true });
  const unfinished = `${home}.restoring`;
  rmSync(unfinished, { recursive: true, force: true });
  try {
    let manifest = '';
    const found = await readArchive(from, async (name, content) => {
      if (name === MANIFEST) {
        for await (const piece of content) {
          manifest += String(piece);
          if (manifest.length > MANIFEST_BYTES_MAX) throw foreign();
        }
        return;
      }
      if (!ALLOWED.test(name)) throw foreign();
      const path = join(unfinished, name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      await pipeline(content, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
    });
    compare(manifest, found);
    for (const path of [unfinished, join(unfinished, 'requester')]) {
      const { database } = homePaths(path);
      if (existsSync(database)) check(database);
    }
    if (existsSync(home)) rmdirSync(home);
    renameSync(unfinished, home);
    return found.map(({ name }) => name).filter((name) => name !== MANIFEST);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

function compare(manifest: string, found: readonly FoundFile[]): void {
  let promised: readonly FoundFile[];
  try {
    promised = manifestSchema.parse(JSON.parse(manifest)).files;
  } catch (cause) {
    throw foreign(cause);
  }
  const text = (files: readonly FoundFile[]) =>
    files.map(({ name, bytes, sha256 }) => `${name} ${bytes} ${sha256}`).join('\n');
  if (text(promised) !== text(found.filter(({ name }) => name !== MANIFEST))) throw foreign();
  if (!promised.some(({ name }) => name === 'idlewatt.db')) throw foreign();
}

function foreign(cause?: unknown): AppError {
  return new AppError('checksum-mismatch', 'The backup is damaged or no backup of Idlewatt.', { cause });
}
