/** Progress of a download. Its speed covers the last 5 s, so that a stall shows and a resumed part does not count. */
import type { ModelEntry } from '../../../shared/api/state.ts';
import type { Clock } from '../../ports/clock.ts';

type ModelProgress = NonNullable<ModelEntry['progress']>;

const WINDOW_MS = 5_000;

export interface Progress {
  add(receivedBytes: number, totalBytes: number | null): ModelProgress;
  now(): ModelProgress;
}

export function createProgress(
  clock: Clock,
  source: string,
  startBytes: number,
  sizeBytes: number | null,
): Progress {
  let samples = [{ atMs: clock.monotonic(), bytes: startBytes }];
  let total = sizeBytes;
  return {
    add(receivedBytes, totalBytes) {
      const atMs = clock.monotonic();
      total = totalBytes;
      const last = samples.at(-1);
      // A restart from zero must not count as negative speed.
      if (last && receivedBytes < last.bytes) samples = [];
      samples.push({ atMs, bytes: receivedBytes });
      while (samples.length > 2 && (samples[0]?.atMs ?? atMs) < atMs - WINDOW_MS) samples.shift();
      return this.now();
    },
    now() {
      const first = samples[0];
      const last = samples.at(-1);
      const durationMs = first && last ? last.atMs - first.atMs : 0;
      const bytesPerSecond =
        first && last && durationMs > 0 ? ((last.bytes - first.bytes) * 1000) / durationMs : null;
      return { receivedBytes: last?.bytes ?? 0, totalBytes: total, bytesPerSecond, source };
    },
  };
}
