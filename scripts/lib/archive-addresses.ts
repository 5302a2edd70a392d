/**
 * Finds where the package registries of this machine have the archives that the app can fetch: packages for users name these
 * addresses, and the repository names no host. What they deliver is checked against the pinned hashes.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { archiveKey, type PinnedArchive } from '../../main/core/graphics-libraries/index.ts';

const run = promisify(execFile);

const QUERY_MS_MAX = 120_000;
const OUTPUT_MAX = 1 << 24;
const PYTHON = process.platform === 'win32' ? 'python' : 'python3';
const reportSchema = z.object({
  install: z.tuple([z.object({ download_info: z.object({ url: z.url() }) })]),
});

/** Addresses by {@link archiveKey}. Rejects with one sentence if npm or pip doesn't name one. */
export async function archiveAddresses(archives: readonly PinnedArchive[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const archive of archives) {
    const query = archive.registry === 'npm' ? askNpm : askPip;
    found[archiveKey(archive)] = await query(archive).catch((error: unknown) => {
      const { name, version, registry } = archive;
      const client = registry === 'npm' ? 'npm' : `${PYTHON} -m pip`;
      throw new Error(`Nothing was packaged: \`${client}\` doesn't find ${name} ${version}.`, {
        cause: error,
      });
    });
  }
  return found;
}

async function askNpm({ name, version }: PinnedArchive): Promise<string> {
  const { stdout } = await run('npm', ['view', `${name}@${version}`, 'dist.tarball'], {
    timeout: QUERY_MS_MAX,
    shell: process.platform === 'win32',
  });
  return z.url().parse(stdout.trim());
}

/** Downloads nothing but the package's description. */
async function askPip({ name, version, platform }: PinnedArchive): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'idlewatt-pip-'));
  const report = join(folder, 'report.json');
  const flags = ['--dry-run', '--quiet', '--no-deps', '--ignore-installed', '--only-binary', ':all:'];
  try {
    await run(
      PYTHON,
      [
        ...['-m', 'pip', 'install', ...flags, '--platform', platform ?? '', '--target', folder],
        ...['--report', report, `${name}==${version}`],
      ],
      { timeout: QUERY_MS_MAX, maxBuffer: OUTPUT_MAX },
    );
    const read: unknown = JSON.parse(await readFile(report, 'utf8'));
    return reportSchema.parse(read).install[0].download_info.url;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
