/** Batches for the gateway of the client tests, in a folder of their own. */
import { join } from 'node:path';
import { readForm } from '../../main/adapters/busboy/index.ts';
import { openBatchStore } from '../../main/adapters/sqlite/index.ts';
import {
  addBatchRoutes,
  type Batches,
  createBatches,
  openBatchFolder,
} from '../../main/core/batches/index.ts';
import type { GatewayOptions } from '../../main/core/gateway/index.ts';
import { systemClock as clock } from '../../main/ports/clock.ts';
import { createRecordingLog } from '../fakes/log.ts';

const BYTES_MAX = 1_000_000_000;

export function batchesIn(folder: string): {
  readonly addRoutes: NonNullable<GatewayOptions['addRoutes']>;
  readonly start: () => void;
  readonly stop: () => Promise<void>;
} {
  const store = openBatchStore(join(folder, 'batches.db'));
  let batches: Batches | null = null;
  return {
    addRoutes(app, buyer, keyIdOf) {
      batches = createBatches({
        ...{ store, clock, readForm, buyer },
        folder: openBatchFolder(join(folder, 'files')),
        bytesMax: () => BYTES_MAX,
        priceMax: () => null,
        isOpenNow: () => true,
        prepare: async () => undefined,
        chargeOf: () => null,
        isChargeOpen: () => false,
        askCharges: async () => undefined,
        changed: () => undefined,
        log: createRecordingLog(),
      });
      addBatchRoutes(app, batches, { assetId: 'client-test', keyIdOf });
    },
    start: () => batches?.start(),
    async stop() {
      await batches?.stop();
      store.close();
    },
  };
}
