/**
 * Sends claims and payouts through x402 facilitators over HTTP, which pay the fee. A facilitator's answer is never
 * trusted: only the chain proves a transaction.
 */
import { type FacilitatorClient, HTTPFacilitatorClient } from '@x402/core/server';
import { z } from 'zod';
import { AppError } from '../../../../shared/errors.ts';
import { ZERO } from '../../../../shared/money.ts';
import type { ChainNetwork } from '../../../ports/chain.ts';
import type { ChainSender, Hex, TransactionReceipt } from '../../../ports/evm.ts';
import { noteRelayed } from './operation.ts';
import { isSettlementContract, pairOf, settlementCall } from './settlement-contract.ts';

const ANSWER_TIMEOUT_MS = 20_000;
/** Maximum time until a reported success must be on the chain. */
const SHOW_TIMEOUT_MS = 45_000;
const SHOW_POLL_MS = 250;

const payloadSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('claim'),
    claims: z.array(
      z.object({ totalClaimed: z.coerce.bigint(), voucher: z.object({ channel: z.unknown() }) }),
    ),
  }),
  z.object({ type: z.literal('settle'), receiver: z.string(), token: z.string() }),
]);
type RelayedPayload = z.infer<typeof payloadSchema>;
const hashSchema = z.string().regex(/^0x[0-9a-fA-F]{64}$/);

/** Time limits for a facilitator's answer, and for its reported success to be on the chain. */
export interface RelayTimeouts {
  readonly answerMs: number;
  readonly showMs: number;
}

export interface RelayOptions {
  readonly network: ChainNetwork;
  readonly sender: ChainSender;
  readonly timeouts?: RelayTimeouts;
  readonly channelIdOf: (config: unknown) => string;
}

/**
 * Offers claims and payouts to the network's facilitators in turn, then to `own` if none of them succeeds;
 * everything else goes to `own`. Fails with `chain-unavailable` when the chain shows the effect but not yet the
 * transaction: the next check finds it.
 */
export function withRelays(own: FacilitatorClient, options: RelayOptions): FacilitatorClient {
  const answerMs = options.timeouts?.answerMs ?? ANSWER_TIMEOUT_MS;
  const showMs = options.timeouts?.showMs ?? SHOW_TIMEOUT_MS;
  const relays = options.network.facilitators.map(
    (url) => new HTTPFacilitatorClient({ url, timeoutMs: answerMs }),
  );
  return {
    verify: (payload, requirements) => own.verify(payload, requirements),
    getSupported: () => own.getSupported(),
    async settle(payment, requirements) {
      const payload = payloadSchema.safeParse(payment.payload);
      if (!payload.success) return own.settle(payment, requirements);
      for (const relay of relays) {
        const answer = await relay.settle(payment, requirements).catch(() => null);
        const hash = hashSchema.safeParse(answer?.transaction);
        if (answer === null || !hash.success) continue;
        const waitMs = answer.success ? showMs : 0;
        const receipt = await confirmedReceipt(options, hash.data as Hex, payload.data, waitMs);
        if (receipt === null) continue;
        noteRelayed(payload.data.type === 'claim' ? 'claimWithSignature' : 'settle', {
          ...receipt,
          fee: ZERO,
        });
        return { ...answer, success: true, transaction: receipt.hash };
      }
      if (relays.length > 0 && (await hasHappened(options, payload.data))) {
        throw new AppError(
          'chain-unavailable',
          'A facilitator sent the transaction, but it isn’t visible on the chain yet. Idlewatt checks again automatically.',
        );
      }
      return own.settle(payment, requirements);
    },
  };
}

/** True when the contract's state shows the effect of the claim or payout. */
async function hasHappened(options: RelayOptions, payload: RelayedPayload): Promise<boolean> {
  const { sender } = options;
  if (payload.type === 'settle') {
    const state = await sender.readContract(settlementCall('receivers', [payload.receiver, payload.token]));
    const [claimed, settled] = pairOf(state);
    return claimed === settled;
  }
  const ids = payload.claims.map(({ voucher }) => options.channelIdOf(voucher.channel));
  const states = await sender.readContracts(ids.map((id) => settlementCall('channels', [id])));
  return payload.claims.every((claim, place) => pairOf(states[place])[1] >= claim.totalClaimed);
}

/** Waits until the chain shows the transaction and its effect; null when it does not in time, or shows another one. */
async function confirmedReceipt(
  options: RelayOptions,
  hash: Hex,
  payload: RelayedPayload,
  waitMs: number,
): Promise<TransactionReceipt | null> {
  const { network, sender } = options;
  const deadline = performance.now() + waitMs;
  for (;;) {
    const receipt = await sender.receipt(hash);
    if (receipt !== null) {
      const isOurs = receipt.logs.some(({ address }) => isSettlementContract(address));
      if (receipt.status !== 'success' || !isOurs) return null;
      const depth = (await sender.height()) - receipt.blockNumber + 1;
      if (depth >= network.confirmations) return (await hasHappened(options, payload)) ? receipt : null;
    }
    if (performance.now() > deadline) return null;
    await new Promise((resolve) => setTimeout(resolve, SHOW_POLL_MS));
  }
}
