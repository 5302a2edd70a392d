/**
 * Verifies: a provider that is asked again, after it refused a payment, is paid the price of what is bought.
 * Setup: a provider whose lines of batches are cheaper, and a directory that fetches its offer again.
 * Fails if: a line of a batch is paid like an answer that somebody waits for, or the other way round.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RequestBudget } from '../../../main/core/budget/index.ts';
import { createCandidates } from '../../../main/core/gateway/candidates.ts';
import type { Directory } from '../../../main/core/network/index.ts';
import { NO_EXPERIENCE } from '../../../main/core/reputation/index.ts';
import type { Offer } from '../../../shared/offer.ts';
import { manualClock } from '../../fakes/clock.ts';
import { OFFERED } from '../../fakes/market.ts';

const BATCH_PRICE = { inputPerMillion: '10000', outputPerMillion: '40000' };
const LIMIT = { inputPerMillion: '1000000', outputPerMillion: '1000000' };

test('a renewed candidate has the price of a batch for a line of one, and the usual one for others', async () => {
  const offer = { models: [{ ...OFFERED, batchPrice: BATCH_PRICE }] } as unknown as Offer;
  const candidates = createCandidates({
    directory: { refresh: async () => offer } as unknown as Directory,
    ...{ clock: manualClock(0), accepts: () => true, holders: { find: () => null } },
    ...{ experience: NO_EXPERIENCE, random: () => 0 },
  });
  const budget = { priceLimit: () => LIMIT } as unknown as RequestBudget;
  const before = { peer: 'provider', offer, model: OFFERED };
  const priceOf = async (isBatch: boolean) => (await candidates.renew(before, budget, isBatch))?.model.price;
  assert.deepEqual(await priceOf(true), BATCH_PRICE);
  assert.deepEqual(await priceOf(false), OFFERED.price);
});
