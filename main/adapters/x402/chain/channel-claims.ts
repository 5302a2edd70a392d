/** Claims and payouts through x402's channel manager; see {@link ChannelClaims} for the guarantees after a crash. */
import { amount } from '../../../../shared/money.ts';
import { type ChannelClaims, CLAIM_BATCH_MAX, type ClaimOutcome } from '../../../ports/claims.ts';
import type { Clock } from '../../../ports/clock.ts';
import { createChainCheck } from './chain-check.ts';
import { createClaimRecords } from './claim-records.ts';
import { createClaimTransactions } from './claim-transactions.ts';
import type { ClaimsParts } from './claims-parts.ts';
import { recoverOutbox } from './outbox.ts';
import { createPayoutTotals } from './payout-totals.ts';
import { findUndone } from './reorganisations.ts';
import { pairOf, settlementCall } from './settlement-contract.ts';

/** Gas as measured on our implementation of the contract; the canonical one is close. */
const CLAIM_GAS = 36_000n;
const CLAIM_GAS_PER_CHANNEL = 24_500n;
const PAYOUT_GAS = 46_000n;
/** Size of the calls' data by the contract's interface, plus x402's attribution. */
const CLAIM_BYTES = 300;
const CLAIM_BYTES_PER_CHANNEL = 480;
const PAYOUT_BYTES = 70;

/** See {@link ChannelClaims}. */
export function createChannelClaims(parts: ClaimsParts, clock: Clock): ChannelClaims {
  const { options, channels, outbox } = parts;
  const { sender, store, network } = options;
  const totals = createPayoutTotals(store, channels);
  const records = createClaimRecords(parts, totals);
  const check = createChainCheck(parts, records, totals, clock);
  const transactions = createClaimTransactions(parts);

  async function recover(): Promise<readonly ClaimOutcome[]> {
    const undone = outbox.recorded().length === 0 ? [] : await findUndone(outbox, sender);
    const outcomes = (await recoverOutbox(outbox, sender, network.confirmations)).flatMap(
      (outcome) => records.ownShare(outcome) ?? [],
    );
    for (const outcome of outcomes) records.markClaimed(outcome);
    return [...undone, ...outcomes];
  }

  async function claim(channelIds: readonly string[]): Promise<ClaimOutcome | null> {
    if (channelIds.length > CLAIM_BATCH_MAX) throw new Error('too many channels for one claim');
    // An earlier run, or a third party, may have claimed without our records of it.
    await check.refresh(channelIds);
    const outcome = await transactions.claim(new Set(channelIds.map((id) => id.toLowerCase())));
    if (outcome !== null) records.markClaimed(outcome);
    return records.ownShare(outcome);
  }

  async function settle(): Promise<ClaimOutcome | null> {
    // A payout of ours is pending: it pays this out, or recovery finds that it failed.
    if (outbox.entries().some((entry) => entry.type === 'settled')) return null;
    const marks = records.payoutMarks();
    const [claimed, settled] = pairOf(
      await sender.readContract(settlementCall('receivers', [options.payout, network.token.address])),
    );
    if (claimed > settled) return records.ownShare(await transactions.settle(marks));
    await check.findPayout();
    const [found] = await recoverOutbox(outbox, sender, network.confirmations);
    return records.ownShare(found?.type === 'settled' ? found : null);
  }

  return {
    accounts: records.accounts,
    recover,
    claim,
    settle,
    acknowledge: records.acknowledge,
    refresh: () => check.refresh([]),
    unpaid: totals.unpaid,
    isConfirming: () => outbox.entries().length > 0,
    async fee(count) {
      const gas = CLAIM_GAS + CLAIM_GAS_PER_CHANNEL * BigInt(count) + PAYOUT_GAS;
      const bytes = CLAIM_BYTES + CLAIM_BYTES_PER_CHANNEL * count + PAYOUT_BYTES;
      const [price, dataFee] = await Promise.all([sender.gasPrice(), sender.dataFee(bytes)]);
      return amount(gas * price + dataFee);
    },
    onFound: parts.onFound,
  };
}
