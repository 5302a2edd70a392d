/** Opens the batches of this agent: their store and files in a folder of their own, run through the gateway. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../shared/jobs.ts';
import type { Price } from '../../shared/price.ts';
import { everyDay, isOn } from '../../shared/week.ts';
import { readForm } from '../adapters/busboy/index.ts';
import { openBatchStore } from '../adapters/sqlite/index.ts';
import { type Batches, createBatches, openBatchFolder } from '../core/batches/index.ts';
import type { LineBuyer } from '../core/gateway/index.ts';
import type { LedgerStore } from '../ports/ledger.ts';
import type { Foundation } from './foundation.ts';
import type { Surroundings } from './surroundings.ts';

/** The lines in progress are collected at the next start, so that there is nothing to wait for. */
const STOP_GRACE_MS = 1_000;

/** Entries of charges that were found later; only those of the last interruption are of interest. */
const RECOVERED_MAX = 200;

/**
 * The charge of a job, or the first one that was found later on its channel: a channel's jobs are charged one after
 * another. Null if there is none.
 */
function chargeOf(job: Job, ledger: Pick<LedgerStore, 'list'>): bigint | null {
  if (job.charged !== null) return BigInt(job.charged);
  if (job.channelId === null || job.state === 'refused') return null;
  const found = ledger
    .list({ kind: 'charge-recovered', limit: RECOVERED_MAX })
    .filter(({ atMs }) => atMs >= job.createdAtMs)
    .flatMap(({ lines }) => lines)
    .filter(({ account, channelId }) => account === 'expense:inference' && channelId === job.channelId);
  return found.at(-1)?.amount ?? null;
}

export function openBatches(
  { clock, onClose, changed, log }: Surroundings,
  { paths, settings, calendar, database }: Foundation,
  buying: {
    readonly buyer: LineBuyer;
    readonly prepare: () => Promise<void>;
    readonly isChargeUnknown: (channelId: string) => boolean;
  },
): Batches {
  mkdirSync(paths.batches, { recursive: true, mode: 0o700 });
  const store = openBatchStore(join(paths.batches, 'batches.db'));
  onClose(() => store.close());
  const batches = createBatches({
    ...buying,
    ...{ store, clock, readForm },
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
      return job === null ? null : chargeOf(job, database.ledger);
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
