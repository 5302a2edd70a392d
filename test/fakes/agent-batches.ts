/** The batches of the fake agent: one that runs, one that waits, one that is done, and one with errors. */
import type { BatchView } from '../../shared/api/batches.ts';
import { MINUTE_MS } from './agent-history.ts';

export function batchesAt(nowMs: number): BatchView[] {
  const batch: BatchView = {
    ...{ id: 'batch_1', name: 'invoices.jsonl', status: 'in_progress', wait: null },
    ...{ total: 12_000, completed: 7_430, failed: 2, createdAtMs: nowMs - 90 * MINUTE_MS },
    ...{ leftMs: 55 * MINUTE_MS, charged: '184200', outputFileId: null, errorFileId: null, error: null },
  };
  const ended = { leftMs: null, createdAtMs: nowMs - 600 * MINUTE_MS };
  const error = {
    code: 'duplicate_custom_id',
    message: 'Another line has the same custom_id.',
    param: 'custom_id',
  };
  return [
    batch,
    {
      ...batch,
      id: 'batch_2',
      name: 'reviews.jsonl',
      wait: 'daily-budget',
      leftMs: null,
      completed: 310,
      failed: 0,
    },
    {
      ...{ ...batch, ...ended, id: 'batch_3', name: 'tickets.jsonl', status: 'completed' },
      ...{ total: 500, completed: 499, failed: 1, outputFileId: 'file-1', errorFileId: 'file-2' },
    },
    {
      ...{ ...batch, ...ended, id: 'batch_4', name: 'draft.jsonl', status: 'failed', charged: '0' },
      ...{ total: 40, completed: 0, failed: 0, error: { ...error, line: 17 } },
    },
  ];
}
