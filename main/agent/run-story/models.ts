/** Logs the start and the end of each model download. */

import type { ModelStore, StoredModel } from '../../core/models/index.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';

export function logModels(log: Log, models: Pick<ModelStore, 'onChange'>, clock: Clock): () => void {
  const startedMs = new Map<string, number>();
  return models.onChange((list) => {
    for (const model of list) logOne(log, model, startedMs, clock.monotonic());
  });
}

function logOne(log: Log, model: StoredModel, startedMs: Map<string, number>, nowMs: number): void {
  const { id, state } = model;
  const sinceMs = startedMs.get(id);
  if (state === 'downloading') {
    if (sinceMs !== undefined) return;
    startedMs.set(id, nowMs);
    const { source = null, receivedBytes = 0, totalBytes = null } = model.progress ?? {};
    log.info('Model download started', { model: id, source, receivedBytes, totalBytes });
    return;
  }
  // Verification is part of a download.
  if (sinceMs === undefined || state === 'verifying') return;
  startedMs.delete(id);
  const tookMs = Math.round(nowMs - sinceMs);
  if (state === 'ready')
    log.info('Model download finished', { model: id, sizeBytes: model.sizeBytes, tookMs });
  else if (state === 'failed') log.info('Model download failed', { model: id, cause: model.error, tookMs });
  else log.info('Model download stopped', { model: id, tookMs });
}
