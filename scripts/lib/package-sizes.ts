/**
 * Computes how large the packages for each system are from the list of their files, compressed as the deb is: packages for
 * Windows and macOS can't be built here. Electron's own files and the installer aren't counted.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import lock from '../../package-lock.json' with { type: 'json' };
import { nativePackages, type PackageFile, type PackageSystem, packageFiles } from './package-contents.ts';
import { unexpectedFiles } from './package-rules.ts';
import { cacheFolder } from './places.ts';

const run = promisify(execFile);
const INSTALL_MS_MAX = 600_000;

/** Those for which the release workflow builds packages. */
export const RELEASED: readonly PackageSystem[] = [
  { platform: 'linux', arch: 'x64' },
  { platform: 'win32', arch: 'x64' },
  { platform: 'darwin', arch: 'arm64' },
  { platform: 'darwin', arch: 'x64' },
];

export interface PackageSize {
  readonly files: number;
  readonly bytes: number;
  /** With xz, as in a deb. */
  readonly compressedBytes: number;
}

/** Downloads the native packages of another system with npm, without running anything of them. */
export async function packageSize(system: PackageSystem): Promise<PackageSize> {
  const files = await packageFiles(system, await nativeModules(system));
  // The native part is compiled on the system itself: here it is this one's, of about the same size.
  const unexpected = unexpectedFiles(files, system);
  if (unexpected.length > 0) throw new Error(unexpected.join(' '));
  const bytes = files.reduce((sum, { from }) => sum + statSync(from).size, 0);
  return { files: files.length, bytes, compressedBytes: await compressed(files) };
}

async function nativeModules(system: PackageSystem): Promise<string> {
  const wanted = nativePackages(system).map((name) => {
    const entry: { readonly version?: string } | undefined = Object.entries(lock.packages).find(
      ([path]) => path === `node_modules/${name}`,
    )?.[1];
    return { name, version: entry?.version ?? '' };
  });
  const names = wanted.map(({ name, version }) => `${name}@${version}`);
  // Another version has another folder.
  const hash = createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16);
  const folder = join(cacheFolder(), `package-sizes-${system.platform}-${system.arch}-${hash}`);
  const modules = join(folder, 'node_modules');
  if (wanted.every(({ name }) => existsSync(join(modules, name)))) return modules;
  mkdirSync(folder, { recursive: true });
  const flags = ['--no-save', '--ignore-scripts', '--force', '--no-package-lock', '--no-audit', '--no-fund'];
  await run(
    'npm',
    ['install', ...flags, `--os=${system.platform}`, `--cpu=${system.arch}`, '--prefix', folder, ...names],
    { timeout: INSTALL_MS_MAX, cwd: folder },
  );
  return modules;
}

function compressed(files: readonly PackageFile[]): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'idlewatt-size-'));
  for (const { from, to } of files) {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    symlinkSync(from, join(folder, to));
  }
  return new Promise<number>((resolve, reject) => {
    const tar = spawn('tar', ['--create', '--dereference', '--sort=name', '--directory', folder, '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const xz = spawn('xz', ['-6', '--threads=0', '--stdout'], { stdio: [tar.stdout, 'pipe', 'inherit'] });
    let bytes = 0;
    xz.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    for (const program of [tar, xz]) {
      program.once('error', reject);
      program.once('close', (code) => {
        if (code !== 0) reject(new Error(`${program.spawnfile} failed.`));
      });
    }
    xz.once('close', () => resolve(bytes));
  }).finally(() => rmSync(folder, { recursive: true, force: true }));
}
