/** Port for the package that this program was installed from. */
import type { PackageKind } from '../../shared/updates.ts';

export interface PackageInstaller {
  /** Null for a copy that no package installed. */
  readonly kind: PackageKind | null;
  /**
   * Puts the verified package in the place of the installed one, for the next start; null where the owner installs it.
   * Reads the file once more and rejects with `checksum-mismatch` if it isn't the pinned one, with `disk-full`, or with
   * the system's error; the installed one is then unchanged.
   */
  readonly replace: ((file: string, pinned: PinnedFile) => Promise<void>) | null;
}

export interface PinnedFile {
  readonly bytes: number;
  /** Lowercase hexadecimal digits. */
  readonly sha512: string;
}
