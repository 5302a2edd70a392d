/** Disk space of the model files: how much they use, and whether one more fits. */
import { readdirSync, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../../../shared/errors.ts';
import { type ModelRecord, partPath } from './model-record.ts';
import { partBytes } from './part-file.ts';

export interface DiskSpace {
  usedBytes(): number;
  budgetBytes(): number;
  /** Fails with `disk-full` (`details.reason`: `budget` or `disk`) if the rest of the file does not fit. */
  check(record: ModelRecord): Promise<void>;
}

export function createDiskSpace(folder: string, budgetBytes: () => number): DiskSpace {
  function usedBytes(): number {
    let bytes = 0;
    for (const name of readdirSync(folder)) {
      bytes += statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0;
    }
    return bytes;
  }

  return {
    usedBytes,
    budgetBytes,
    async check(record) {
      const { sizeBytes } = record.entry;
      if (sizeBytes === null) return;
      const missing = sizeBytes - Math.min(sizeBytes, partBytes(partPath(record)));
      if (usedBytes() + missing > budgetBytes()) {
        const details = { reason: 'budget', neededBytes: missing, budgetBytes: budgetBytes() };
        throw new AppError(
          'disk-full',
          'The model exceeds the disk budget for models. Raise the budget or remove a model.',
          { details },
        );
      }
      const disk = await statfs(folder);
      const freeBytes = disk.bavail * disk.bsize;
      if (freeBytes < missing) {
        const details = { reason: 'disk', neededBytes: missing, freeBytes };
        throw new AppError(
          'disk-full',
          'Not enough free disk space for the model. Free some space and retry.',
          {
            details,
          },
        );
      }
    },
  };
}
