/**
 * Verifies: a claim or payout is acknowledged by one group of writes, so that a crash in between leaves all of it to be
 * acknowledged again, and shares its flush with jobs.
 * Setup: the records of two channels in memory, and a durability that notes which writes it doesn't group.
 * Fails if: totals, channels and outbox are written one by one, or a repeated event counts twice.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClaimRecords } from '../../../main/adapters/x402/chain/claim-records.ts';
import type { ClaimsParts } from '../../../main/adapters/x402/chain/claims-parts.ts';
import { createOutbox } from '../../../main/adapters/x402/chain/outbox.ts';
import { createPayoutTotals } from '../../../main/adapters/x402/chain/payout-totals.ts';
import { createSoldChannels } from '../../../main/adapters/x402/sold-channels.ts';
import type { ClaimOutcome } from '../../../main/ports/claims.ts';
import type { Durability, RecordStore } from '../../../main/ports/store.ts';
import { amount } from '../../../shared/money.ts';
import { createMemoryRecordStore } from '../../fakes/record-store.ts';

const IDS = ['0xa', '0xb'] as const;
const HASH = `0x${'1'.repeat(64)}`;
const tx = { hash: HASH, blockNumber: 3, fee: amount(1) };

function setUp() {
  const memory = createMemoryRecordStore();
  let depth = 0;
  let groups = 0;
  let alone = 0;
  const counted = <T>(write: () => T): T => {
    if (depth === 0) alone += 1;
    return write();
  };
  const store: RecordStore = {
    get: (...key) => memory.get(...key),
    list: (collection) => memory.list(collection),
    set: (...record) => counted(() => memory.set(...record)),
    delete: (...key) => counted(() => memory.delete(...key)),
    update: (...change) => counted(() => memory.update(...change)),
  };
  const durability: Durability = {
    defer(run) {
      if (depth === 0) groups += 1;
      depth += 1;
      try {
        return run();
      } finally {
        depth -= 1;
      }
    },
    durable: async () => undefined,
  };
  const channels = createSoldChannels(store, durability);
  const outbox = createOutbox(store, durability);
  const totals = createPayoutTotals(store, channels);
  const records = createClaimRecords(
    { options: { store, durability }, channels, outbox } as unknown as ClaimsParts,
    totals,
  );
  return {
    outbox,
    totals,
    records,
    /** Runs, and returns the number of groups and of other writes meanwhile. */
    writes(run: () => void) {
      [groups, alone] = [0, 0];
      run();
      return { groups, alone };
    },
  };
}

test('a claim and its payout are each acknowledged by one group of writes, and once', () => {
  const { outbox, totals, records, writes } = setUp();
  const claimed: ClaimOutcome = {
    type: 'claimed',
    tx,
    channels: IDS.map((channelId) => ({ channelId, amount: amount(5), claimedTotal: amount(5) })),
  };
  outbox.begin({ type: 'claimed', hash: HASH, channels: [...claimed.channels] });
  const together = { groups: 1, alone: 0 };
  assert.deepEqual(
    writes(() => records.acknowledge(claimed)),
    together,
  );
  assert.equal(totals.unpaid(), 10n);
  records.acknowledge(claimed);
  assert.equal(totals.unpaid(), 10n, 'an event that arrives again changes nothing');

  const paidTx = { ...tx, hash: `0x${'2'.repeat(64)}` };
  const marks = IDS.map((channelId) => ({ channelId, before: amount(0), after: amount(5) }));
  outbox.begin({ type: 'settled', hash: paidTx.hash, marks });
  assert.deepEqual(
    writes(() => records.acknowledge({ type: 'settled', tx: paidTx, amount: amount(10) })),
    together,
  );
  assert.equal(totals.unpaid(), 0n);
  assert.deepEqual(
    IDS.map((channelId) => totals.settledOf(channelId)),
    [5n, 5n],
  );
  assert.deepEqual(outbox.entries(), []);
});
