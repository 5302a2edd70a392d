/** The real keys of a gateway, on records in memory, with a fixed own key. */
import { createGatewayKeys, type GatewayKeysOptions } from '../../main/core/gateway-keys/index.ts';
import { systemClock } from '../../main/ports/clock.ts';
import { createRecordingLog } from './log.ts';
import { createMemoryRecordStore } from './record-store.ts';

export const TEST_KEY = `iw-${'0123456789abcdef'.repeat(3)}`;

export function createTestKeys(options: Partial<GatewayKeysOptions> = {}) {
  const clock = options.clock ?? systemClock;
  return createGatewayKeys({
    records: createMemoryRecordStore(),
    clock,
    budgetTime: { now: clock.now, save: () => undefined },
    log: createRecordingLog(),
    ownKey: { read: () => TEST_KEY, write: () => undefined },
    chargeOf: () => null,
    ...options,
  });
}
