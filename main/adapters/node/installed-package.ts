/** The package that this program was installed from, and its replacement where no system tool does that. */
import { createHash } from 'node:crypto';
import { copyFileSync, createReadStream, existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import type { PackageKind } from '../../../shared/updates.ts';
import { asStorageError } from '../../ports/storage.ts';
import type { PackageInstaller, PinnedFile } from '../../ports/updates.ts';

/** Lists the files of the installed deb. */
const DEB_LIST = '/var/lib/dpkg/info/idlewatt.list';
const INSTALLED_BELOW = '/opt/Idlewatt/';

export interface Surrounding {
  readonly platform: NodeJS.Platform;
  /** Absolute path of a file of this program. */
  readonly place: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly exists?: (path: string) => boolean;
}

/** Finds out what installed this program. */
export function findInstalledPackage(surrounding: Surrounding): PackageInstaller {
  const kind = kindOf(surrounding);
  const { APPIMAGE } = surrounding.environment;
  const image = kind === 'appimage' && APPIMAGE ? APPIMAGE : null;
  return { kind, replace: image === null ? null : (file, pinned) => replaceImage(image, file, pinned) };
}

function kindOf({ platform, place, environment, exists = existsSync }: Surrounding): PackageKind | null {
  if (!place.includes('app.asar')) return null;
  if (platform === 'win32') return 'nsis';
  if (platform === 'darwin') return 'dmg';
  const { APPIMAGE } = environment;
  if (APPIMAGE && isAbsolute(APPIMAGE) && exists(APPIMAGE)) return 'appimage';
  if (!place.startsWith(INSTALLED_BELOW)) return null;
  return exists(DEB_LIST) ? 'deb' : 'rpm';
}

/** Returns where the version before stays when an AppImage is replaced. */
export function previousPath(image: string): string {
  return `${image}.previous`;
}

/**
 * Replaces an AppImage. The running one keeps its content, because its file stays open. What is hashed is the copy that
 * takes its place, so that a change of the package in between has no effect.
 */
async function replaceImage(image: string, file: string, pinned: PinnedFile): Promise<void> {
  const next = `${image}.new`;
  try {
    await copyPinned(file, next, statSync(image).mode & 0o777, pinned);
    keepPrevious(image);
    renameSync(next, image);
  } catch (cause) {
    throw asStorageError(cause);
  } finally {
    rmSync(next, { force: true });
  }
}

/** Rejects with `checksum-mismatch` if what was copied isn't the pinned file. */
async function copyPinned(
  from: string,
  to: string,
  mode: number,
  { bytes, sha512 }: PinnedFile,
): Promise<void> {
  const hash = createHash('sha512');
  let copied = 0;
  rmSync(to, { force: true });
  const target = await open(to, 'wx', mode | 0o500);
  try {
    for await (const chunk of createReadStream(from) as AsyncIterable<Buffer>) {
      copied += chunk.length;
      if (copied > bytes) break;
      hash.update(chunk);
      await target.appendFile(chunk);
    }
    await target.sync();
  } finally {
    await target.close();
  }
  if (copied !== bytes || hash.digest('hex') !== sha512) {
    throw new AppError('checksum-mismatch', 'The downloaded update was changed. Nothing was installed.');
  }
}

/** Keeps the running version next to the new one; there is no moment without a program. */
function keepPrevious(image: string): void {
  const previous = previousPath(image);
  rmSync(previous, { force: true });
  try {
    linkSync(image, previous);
  } catch {
    copyFileSync(image, previous); // a file system without links
  }
}
