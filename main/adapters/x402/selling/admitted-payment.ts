/** The payment of one admitted request: settled or canceled exactly once. */
import { encodePaymentResponseHeader } from '@x402/core/http';
import type { HTTPProcessResult } from '@x402/core/server';
import { z } from 'zod';
import { AppError } from '../../../../shared/errors.ts';
import { type Amount, amountSchema, ZERO } from '../../../../shared/money.ts';
import type { AdmittedPayment, PaidRequest } from '../../../ports/payments.ts';
import { storageFaultOf } from '../../../ports/storage.ts';
import { observeChain } from '../chain/operation.ts';
import type { Payment } from '../wire.ts';
import { contextOf } from './gate-request.ts';
import type { ProviderChannels } from './provider-channels.ts';

/** A payment that x402's server has verified, with its voucher on disk and its channel reserved. */
export type Verified = Extract<HTTPProcessResult, { type: 'payment-verified' }>;

/** A verified payment and the request that it is for. */
export interface VerifiedRequest {
  readonly request: PaidRequest;
  readonly payment: Payment;
  readonly verified: Verified;
  /** Transaction of the deposit that came with the request; empty when there was none. */
  readonly depositTransaction: string;
}

export function createAdmittedPayment(
  provider: ProviderChannels,
  { request, payment, verified, depositTransaction }: VerifiedRequest,
): AdmittedPayment {
  const release = provider.channels.hold(payment.payload.voucher.channelId);
  let open = true;
  const close = (): void => {
    if (!open) throw new Error('a payment is settled or canceled once');
    open = false;
  };
  return {
    channelId: payment.payload.voucher.channelId.toLowerCase(),
    payer: payment.payload.channelConfig.payer,
    async settle(charged) {
      close();
      const clamped = clamp(charged, request.ceiling);
      const { result: settled, failure } = await observeChain(() =>
        charge(provider, { request, payment, verified }, clamped),
      ).finally(release);
      if (!settled.success) {
        if (storageFaultOf(failure) !== null) throw failure;
        throw new AppError('payment-required', 'Could not record the charge.', {
          details: { channelId: payment.payload.voucher.channelId, reason: settled.errorReason },
        });
      }
      const { headers: _headers, requirements: _requirements, ...response } = settled;
      return {
        charged: clamped,
        cumulative: cumulativeOf(settled.extra),
        paymentResponse: encodePaymentResponseHeader({ ...response, transaction: depositTransaction }),
      };
    },
    async cancel() {
      close();
      await releaseReservation(verified).finally(release);
    },
    abandon() {
      if (open) release();
      open = false;
    },
  };
}

/** Charges `value` on the channel of a verified payment; a deposit in the payment goes on the chain. */
export function charge(
  provider: ProviderChannels,
  { request, payment, verified }: Omit<VerifiedRequest, 'depositTransaction'>,
  value: bigint,
) {
  return provider.server.processSettlement(
    verified.paymentPayload,
    verified.paymentRequirements,
    verified.declaredExtensions,
    { request: contextOf(request, payment) },
    { amount: value.toString() },
  );
}

/** Frees the channel of a verified payment without a charge. */
export async function releaseReservation(verified: Verified): Promise<void> {
  await verified.cancellationDispatcher.cancel({ reason: 'handler_failed' });
}

function clamp(charged: Amount, ceiling: Amount): Amount {
  if (charged < 0n) return ZERO;
  return charged > ceiling ? ceiling : charged;
}

const settledExtraSchema = z.object({
  channelState: z.object({ chargedCumulativeAmount: amountSchema }),
});

function cumulativeOf(extra: unknown): Amount {
  return settledExtraSchema.parse(extra).channelState.chargedCumulativeAmount;
}
