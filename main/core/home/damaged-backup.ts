/** The failure of every check on an archive that is restored. */
import { AppError } from '../../../shared/errors.ts';

export function damagedBackup(cause?: unknown): AppError {
  return new AppError(
    'checksum-mismatch',
    'The backup is damaged, or the file is not an Idlewatt backup. Nothing was restored.',
    { cause },
  );
}
