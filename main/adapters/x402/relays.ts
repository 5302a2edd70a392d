/** Claims and payouts sent by x402 facilitators over HTTP, who pay the fee: believed from the chain, never from them. */
import { type FacilitatorClient, HTTPFacilitatorClient } from '@x402/core/server';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { ZERO } from '../../../shared/money.ts';
import type { ChainNetwork } from '../../ports/chain.ts';
import type { ChainSender, Hex, TransactionReceipt } from '../../ports/evm.ts';
import { noteRelayed } from './operation.ts';
import { callOf, pairOf, SETTLEMENT_ADDRESS } from './settlement-contract.ts';

const ANSWER_TIMEOUT_MS = 20_000;
/** How long a claimed success may take to show on the chain. */
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
const hashSchema = z.string().regex(/^0x[0-9a-fA-F]{64}$/);

export interface RelayOptions {
  readonly network: ChainNetwork;
  readonly sender: ChainSender;
  readonly timeouts?: { readonly answerMs: number; readonly showMs: number };
  readonly channelIdOf: (config: unknown) => string;
}

/**
 * Claims and payouts go to the network's facilitators in turn, and to `own` where none of them brings them about;
 * everything else goes to `own`. Fails with `chain-unavailable` where the chain shows the effect and not yet the
 * transaction: the next look finds it.
 */
export function withRelays(own: FacilitatorClient, options: RelayOptions): FacilitatorClient {
  const { network, sender } = options;
  const answerMs = options.timeouts?.answerMs ?? ANSWER_TIMEOUT_MS;
  const showMs = options.timeouts?.showMs ?? SHOW_TIMEOUT_MS;
  const relays = network.facilitators.map((url) => new HTTPFacilitatorClient({ url, timeoutMs: answerMs }));

  async function hasHappened(payload: z.infer<typeof payloadSchema>): Promise<boolean> {
    if (payload.type === 'settle') {
      const state = await sender.readContract(callOf('receivers', [payload.receiver, payload.token]));
      const [claimed, settled] = pairOf(state);
      return claimed === settled;
    }
    const ids = payload.claims.map(({ voucher }) => options.channelIdOf(voucher.channel));
    const states = await sender.readContracts(ids.map((id) => callOf('channels', [id])));
    return payload.claims.every((claim, place) => pairOf(states[place])[1] >= claim.totalClaimed);
  }

  /** The transaction, once the chain shows it and what it was to do; null when it does not in time. */
  async function shown(
    hash: Hex,
    payload: z.infer<typeof payloadSchema>,
    waitMs: number,
  ): Promise<TransactionReceipt | null> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const receipt = await sender.receipt(hash);
      if (receipt !== null) {
        const isOurs = receipt.logs.some(
          ({ address }) => address.toLowerCase() === SETTLEMENT_ADDRESS.toLowerCase(),
        );
        if (receipt.status !== 'success' || !isOurs) return null;
        const depth = (await sender.height()) - receipt.blockNumber + 1;
        if (depth >= network.confirmations) return (await hasHappened(payload)) ? receipt : null;
      }
      if (performance.now() > deadline) return null;
      await new Promise((resolve) => setTimeout(resolve, SHOW_POLL_MS));
    }
  }

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
        const receipt = await shown(hash.data as Hex, payload.data, answer.success ? showMs : 0);
        if (receipt === null) continue;
        noteRelayed(payload.data.type === 'claim' ? 'claimWithSignature' : 'settle', {
          ...receipt,
          fee: ZERO,
        });
        return { ...answer, success: true, transaction: receipt.hash };
      }
      if (relays.length > 0 && (await hasHappened(payload.data))) {
        throw new AppError('chain-unavailable', 'Somebody claimed for us; the transaction is looked for.');
      }
      return own.settle(payment, requirements);
    },
  };
}
