/** Reports the memory of a benchmark's own process to its parent, on request, once as many streams are open as were asked for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

const SETTLE_MS_MAX = 60_000;
const SETTLE_POLL_MS = 200;

const askedSchema = z.object({ streams: z.number() });

/** Needs `--expose-gc`. */
export function reportMemory(openStreams: () => number): void {
  process.on('message', (message) => {
    void report(askedSchema.parse(message).streams, openStreams);
  });
}

/** Waits until as many streams are open, collects garbage, and reports the resident memory. */
async function report(wanted: number, openStreams: () => number): Promise<void> {
  const untilMs = performance.now() + SETTLE_MS_MAX;
  while (openStreams() !== wanted && performance.now() < untilMs) await sleep(SETTLE_POLL_MS);
  for (let time = 0; time < 3; time += 1) {
    globalThis.gc?.();
    await sleep(SETTLE_POLL_MS);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ residentBytes: rss, usedBytes: heapUsed + external, streams: openStreams() });
}
