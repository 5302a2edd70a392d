/** Port for the state of the disk and the database: whether what happens now can be recorded. */
import { AppError, type ErrorCode, isAppError } from '../../shared/errors.ts';
import type { StorageFault } from '../../shared/presence.ts';

export interface StorageHealth {
  /** Null while everything can be recorded. */
  fault(): StorageFault | null;
  /** Checks the room on the disk and the database file and, after a failed write, whether writing works again. */
  check(): void;
  /** Takes any failure and returns true if it is one of the disk or the database. */
  note(error: unknown): boolean;
  /** Called when the fault changes; returns its unsubscribe. */
  onChange(listener: (fault: StorageFault | null) => void): () => void;
}

const FAULTS: Partial<Record<ErrorCode, StorageFault>> = {
  'disk-full': 'disk-full',
  'disk-unwritable': 'disk-unwritable',
  'database-lost': 'database-lost',
  'database-corrupt': 'database-damaged',
};

const ERRORS: Readonly<Record<StorageFault, { readonly code: ErrorCode; readonly message: string }>> = {
  'disk-full': {
    code: 'disk-full',
    message: 'The disk is full, so nothing more can be saved. Free some space.',
  },
  'disk-unwritable': {
    code: 'disk-unwritable',
    message:
      'The disk with Idlewatt’s data can’t be written or read, so nothing more can be saved. Check that it is ' +
      'connected and not read-only.',
  },
  'database-lost': {
    code: 'database-lost',
    message:
      'The database file was moved, deleted or replaced while it was in use. Nothing more is recorded. Quit Idlewatt ' +
      'and put the file back.',
  },
  'database-damaged': {
    code: 'database-corrupt',
    message: 'The database file was damaged while it was open. Quit Idlewatt and restore a backup.',
  },
};

/** Codes of the operating system for a disk that takes no more, or nothing at all. */
const SYSTEM_FAULTS: Readonly<Record<string, StorageFault>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EROFS: 'disk-unwritable',
  EIO: 'disk-unwritable',
  EFBIG: 'disk-unwritable',
};

/** Returns the fault that a failure shows, or null for any other failure. */
export function storageFaultOf(error: unknown): StorageFault | null {
  if (isAppError(error)) return FAULTS[error.code] ?? null;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return SYSTEM_FAULTS[code] ?? null;
}

/** Returns the expected failure for a fault of the disk or the database. */
export function storageError(
  fault: StorageFault,
  options: { cause?: unknown; details?: Record<string, unknown> } = {},
): AppError {
  const { code, message } = ERRORS[fault];
  return new AppError(code, message, options);
}

/** Returns a failure of the disk as an expected one, and any other failure unchanged. */
export function asStorageError(error: unknown): unknown {
  const fault = isAppError(error) ? null : storageFaultOf(error);
  return fault === null ? error : storageError(fault, { cause: error });
}
