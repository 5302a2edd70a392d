/**
 * Writes backups and reports into the data folder and inspects backups, with the same commands as in a terminal and in a
 * process of their own, so that a large database doesn't hold up a job. Older files are deleted.
 */
import { fork } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { backupNameSchema, type KeptFile, type RestoreResult } from '../../shared/api/maintenance.ts';
import { AppError } from '../../shared/errors.ts';
import { readRestoreResult } from '../core/home/index.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { noDebuggerFlags } from '../ports/no-debugger.ts';
import { createRestoreChoice, type RestoreChoice } from './restore-choice.ts';

export interface Maintenance extends RestoreChoice {
  list(): MaintenanceFiles;
  /** Fails with `busy` while one is being written, and with `unsupported` if the command failed. */
  backup(): Promise<KeptFile>;
  report(): Promise<KeptFile>;
}

export interface MaintenanceFiles {
  /** Newest first. */
  readonly backups: readonly KeptFile[];
  readonly reports: readonly KeptFile[];
  /** The folder in which a backup from elsewhere is found. */
  readonly backupFolder: string;
  readonly lastRestore: RestoreResult | null;
}

const KINDS = {
  backup: { command: 'backup', folder: 'backups', ending: '.tar.gz' },
  report: { command: 'report', folder: 'reports', ending: '.zip' },
} as const;
type Kind = keyof typeof KINDS;

const FILES_KEPT = 5;
const FILES_LISTED_MAX = 50;
/** More than what a command prints for a page. */
const PRINTED_CHARACTERS_MAX = 20_000;
const COMMAND_MS_MAX = 600_000;

export function createMaintenance(parts: {
  /** Data folder. */
  readonly root: string;
  /** This program's entry file. */
  readonly entry: string;
  /** Assets of the active network. */
  readonly assetIds: readonly string[];
  /** Starts the agent again; null where nothing would. */
  readonly restart: (() => void) | null;
  readonly quit: () => void;
  readonly clock: Clock;
  readonly log: Log;
}): Maintenance {
  const running = new Set<Kind>();

  async function make(kind: Kind): Promise<KeptFile> {
    if (running.has(kind)) throw new AppError('busy', 'One is being written. Wait until it is finished.');
    running.add(kind);
    try {
      const { command, folder, ending } = KINDS[kind];
      const path = join(parts.root, folder, `idlewatt-${stampOf(parts.clock.now())}${ending}`);
      mkdirSync(join(parts.root, folder), { recursive: true, mode: 0o700 });
      await runCommand(parts, [command, '--home', parts.root, '--out', path]);
      const kept = filesOf(parts.root, kind);
      // A backup that the owner put there stays.
      for (const { path: old } of kept.filter(({ path: file }) => isOwn(file)).slice(FILES_KEPT))
        rmSync(old, { force: true });
      const made = kept.find((file) => file.path === path);
      if (made === undefined) throw new AppError('unsupported', 'The file was not written.');
      parts.log.info('A file for the owner was written', { kind, path, bytes: made.bytes });
      return made;
    } finally {
      running.delete(kind);
    }
  }

  const backupFolder = join(parts.root, KINDS.backup.folder);
  return {
    ...createRestoreChoice({ ...parts, folder: backupFolder, run: (argv) => runCommand(parts, argv) }),
    list: () => ({
      backups: filesOf(parts.root, 'backup'),
      reports: filesOf(parts.root, 'report'),
      backupFolder,
      lastRestore: readRestoreResult(parts.root),
    }),
    backup: () => make('backup'),
    report: () => make('report'),
  };
}

/** Newest first; a folder that doesn't exist yet is empty. */
function filesOf(root: string, kind: Kind): readonly KeptFile[] {
  const { folder, ending } = KINDS[kind];
  let names: readonly string[];
  try {
    names = readdirSync(join(root, folder));
  } catch {
    return [];
  }
  return names
    .filter((name) => (kind === 'backup' ? backupNameSchema.safeParse(name).success : isOwn(name)))
    .filter((name) => name.endsWith(ending))
    .flatMap((name) => {
      const path = join(root, folder, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      return stats?.isFile() ? [{ path, atMs: stats.mtimeMs, bytes: stats.size }] : [];
    })
    .sort((left, right) => right.atMs - left.atMs)
    .slice(0, FILES_LISTED_MAX);
}

/** Returns whether the agent wrote the file. */
function isOwn(path: string): boolean {
  return /^idlewatt-\d{8}-\d{6}\./.test(basename(path));
}

/** `20261123-120000`, in UTC. */
function stampOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

function runCommand(
  { entry, clock }: { entry: string; clock: Clock },
  argv: readonly string[],
): Promise<string> {
  const child = fork(entry, [...argv], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: noDebuggerFlags(),
  });
  const limit = clock.after(COMMAND_MS_MAX, () => child.kill('SIGKILL'));
  let errors = '';
  let printed = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(0, PRINTED_CHARACTERS_MAX);
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-500);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      limit.cancel();
      if (code === 0) resolve(printed);
      else
        reject(
          new AppError('unsupported', errors.trim().replace(/^idlewatt: /, '') || 'The command failed.'),
        );
    });
  });
}
