/** Opens the batches of this agent: their store and files in a folder of their own, run through the gateway. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Price } from '../../shared/price.ts';
import { everyDay, isOn } from '../../shared/week.ts';
import { readForm } from '../adapters/busboy/index.ts';
import { openBatchStore } from '../adapters/sqlite/index.ts';
import { type Batches, createBatches, openBatchFolder } from '../core/batches/index.ts';
import type { LineBuyer } from '../core/gateway/index.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

/** The lines in progress are collected at the next start, so that there is nothing to wait for. */
const STOP_GRACE_MS = 1_000;
/** Among the owner's machines an answer that is computed twice costs nothing but time: one that restarts soon keeps its work. */
const FREE_COLLECT_MS_MAX = 20_000;

export function openBatches(
  { terms, clock, onClose, changed, log }: Surroundings,
  { paths, settings, calendar, database }: Foundation,
  buying: {
    readonly buyer: LineBuyer;
    readonly prepare: () => Promise<void>;
    readonly isChargeUnknown: (channelId: string) => boolean;
    readonly askCharges: (peer: string) => Promise<void>;
  },
): Batches {
  mkdirSync(paths.batches, { recursive: true, mode: 0o700 });
  const store = openBatchStore(join(paths.batches, 'batches.db'));
  onClose(() => store.close());
  const batches = createBatches({
    ...buying,
    ...{ store, clock, readForm },
    ...(!terms.isPaid && { collectMsMax: FREE_COLLECT_MS_MAX }),
    folder: openBatchFolder(join(paths.batches, 'files')),
    bytesMax: () => settings.get().batchBytesMax,
    priceMax() {
      const { batchPriceInputMax: input, batchPriceOutputMax: output } = settings.get();
      const price: Partial<Price> = {
        ...(input !== null && { inputPerMillion: input }),
        ...(output !== null && { outputPerMillion: output }),
      };
      return input === null && output === null ? null : price;
    },
    isOpenNow() {
      const { batchHoursOn, batchFromHour, batchUntilHour } = settings.get();
      return !batchHoursOn || isOn(everyDay(batchFromHour, batchUntilHour), calendar.wall(clock.now()));
    },
    chargeOf(jobId) {
      const job = database.jobs.find(jobId);
      // A refusal costs nothing. If it was charged regardless, its provider isn't used again.
      if (job?.state === 'refused') return BigInt(job.charged ?? 0);
      return job?.charged == null ? null : BigInt(job.charged);
    },
    isChargeOpen(jobId) {
      const channelId = database.jobs.find(jobId)?.channelId ?? null;
      return channelId !== null && buying.isChargeUnknown(channelId);
    },
    changed: () => changed('batches'),
    log: log.child('batches'),
  });
  onClose(settings.onChange(() => batches.wake()));
  onClose(() => Promise.race([batches.stop(), sleep(STOP_GRACE_MS)]));
  return batches;
}
