/** Implements {@link PaymentGate} with x402's HTTP server, adapted to streaming responses. */
import { encodePaymentResponseHeader } from '@x402/core/http';
import type { AppError } from '../../../../shared/errors.ts';
import { amount, ZERO } from '../../../../shared/money.ts';
import { PAYMENT_RESPONSE_HEADER } from '../../../../shared/wire.ts';
import {
  type Admission,
  type ChainWork,
  PAYMENT_HEADER,
  type PaidRequest,
  type PaymentGate,
  type PaymentRefusal,
} from '../../../ports/payments.ts';
import { storageFaultOf } from '../../../ports/storage.ts';
import { observeChain } from '../chain/operation.ts';
import type { Channel, Payment } from '../wire.ts';
import { charge, createAdmittedPayment, releaseReservation, type Verified } from './admitted-payment.ts';
import { contextOf, isOpening, priceOf, withoutDeposit } from './gate-request.ts';
import {
  type Answered,
  errorOf,
  lowerCase,
  readyResponse,
  refundedResponse,
  refusalResponse,
  requiredOf,
} from './gate-response.ts';
import { paymentStanding } from './payment-standing.ts';
import type { ProviderChannels } from './provider-channels.ts';
import { classifyRefusal } from './refusals.ts';
import { isUnclaimable } from './voucher-signature.ts';

/** See {@link PaymentGate}. Deposits are on the chain before any job is started. */
export function createPaymentGate(provider: ProviderChannels): PaymentGate {
  const { network, payout } = provider.options;
  return {
    asset: network.token,
    payout,
    standing: (request) => paymentStanding(provider, request),
    chainWork: (request) => chainWork(provider, request),
    admit: (request) => admit(provider, request),
  };
}

function chainWork(provider: ProviderChannels, { header }: Pick<PaidRequest, 'header'>): ChainWork | null {
  const payload = provider.readPayment(header(PAYMENT_HEADER) ?? '')?.payload;
  if (payload === undefined) return null;
  const channel = provider.channels.find(payload.voucher.channelId);
  const balance = BigInt(channel?.balance ?? '0');
  if (payload.type === 'voucher') {
    const isFunded = BigInt(payload.voucher.maxClaimableAmount) <= balance;
    return isFunded ? null : { kind: 'check', isPaidFor: false };
  }
  const isPaidFor = balance > 0n && BigInt(channel?.chargedCumulativeAmount ?? '0') * 2n >= balance;
  return { kind: payload.type, isPaidFor };
}

async function admit(provider: ProviderChannels, request: PaidRequest): Promise<Admission> {
  const admission = await decide(provider, request);
  // An admitted request is recorded further; the answer to another one is based on what is recorded.
  if (admission.kind === 'answered') await provider.options.durability?.durable();
  return admission;
}

async function decide(provider: ProviderChannels, request: PaidRequest): Promise<Admission> {
  const header = request.header(PAYMENT_HEADER);
  if (header === undefined) return refuse(provider, request, 'voucher-missing');
  const payment = provider.readPayment(header);
  if (payment === null) return refuse(provider, request, 'voucher-malformed');
  const objection = objectionTo(provider, request, payment);
  if (objection !== null) return refuse(provider, request, objection);
  const deposit = payment.payload.type === 'deposit' ? await takeDeposit(provider, request, payment) : null;
  if (deposit !== null && 'kind' in deposit) return deposit;
  if (deposit !== null && isOpening(request)) return readyResponse(payment, deposit.paymentResponse);
  // The deposit's own voucher now pays like any other.
  const paying = deposit === null ? payment : withoutDeposit(payment);
  const verified = await verify(provider, request, paying);
  if ('kind' in verified) return verified;
  const admitted = createAdmittedPayment(provider, {
    request,
    payment: paying,
    verified,
    depositTransaction: deposit?.transaction ?? '',
  });
  if (!isOpening(request)) return { kind: 'admitted', payment: admitted };
  const { paymentResponse } = await admitted.settle(ZERO);
  return readyResponse(payment, paymentResponse);
}

/** Returns the reason to refuse a payment that can be seen without the library, or null. */
function objectionTo(
  { options, hashes }: ProviderChannels,
  request: PaidRequest,
  { accepted, payload }: Payment,
): PaymentRefusal | null {
  if (accepted.network !== options.network.id) return 'other-channel';
  if (BigInt(accepted.amount) < priceOf(request)) return 'voucher-too-small';
  return isUnclaimable(payload.channelConfig, payload.voucher, hashes) ? 'bad-signature' : null;
}

/** Puts the deposit on the chain and charges nothing. */
async function takeDeposit(
  provider: ProviderChannels,
  request: PaidRequest,
  payment: Payment,
): Promise<Answered | { transaction: string; paymentResponse: string }> {
  const verified = await verify(provider, request, payment);
  if ('kind' in verified) return verified;
  const { result: settled, failure } = await observeChain(() =>
    charge(provider, { request, payment, verified }, ZERO),
  );
  if (settled.success) {
    return {
      transaction: settled.transaction,
      paymentResponse:
        lowerCase(settled.headers)[PAYMENT_RESPONSE_HEADER] ?? encodePaymentResponseHeader(settled),
    };
  }
  await releaseReservation(verified);
  rethrowStorage(failure);
  if (failure !== null) return refuse(provider, request, 'chain-unavailable');
  return refuse(provider, request, classifyRefusal(settled.errorReason, payment, null));
}

/** Verifies with the library, which stores the voucher and a reservation. */
async function verify(
  provider: ProviderChannels,
  request: PaidRequest,
  payment: Payment,
): Promise<Verified | Answered> {
  const before = provider.channels.find(payment.payload.voucher.channelId);
  const { result, failure } = await observeChain(
    () => provider.server.processHTTPRequest(contextOf(request, payment)),
    (functionName, hash) => recordRefundClaim(provider, before, functionName, hash),
  );
  if (result.type === 'payment-verified') return result;
  if (result.type === 'no-payment-required') throw new Error('every request of the gate requires payment');
  const { response } = result;
  if (response.status === 200) {
    provider.announceFound();
    return refundedResponse(response);
  }
  rethrowStorage(failure);
  if (failure !== null) return refuse(provider, request, 'chain-unavailable');
  const required = requiredOf(response);
  return refusalResponse(classifyRefusal(errorOf(required), payment, before), required);
}

/** A disk that takes no records is this machine's fault, not the payment's. */
function rethrowStorage(failure: AppError | null): void {
  if (storageFaultOf(failure) !== null) throw failure;
}

/** A cooperative refund claims the balance due in the same transaction: the ledger needs that claim too. */
function recordRefundClaim(
  { outbox }: ProviderChannels,
  before: Channel | null,
  functionName: string,
  hash: string,
): void {
  if (before === null || (functionName !== 'multicall' && functionName !== 'claimWithSignature')) return;
  const claimedTotal = amount(before.chargedCumulativeAmount);
  const owed = amount(claimedTotal - BigInt(before.totalClaimed));
  if (owed <= 0n) return;
  const channel = { channelId: before.channelId, amount: owed, claimedTotal };
  outbox.begin({ type: 'claimed', hash, channels: [channel] });
}

async function refuse(
  provider: ProviderChannels,
  request: PaidRequest,
  reason: PaymentRefusal,
): Promise<Answered> {
  // Without the payment, the library responds with the plain requirements.
  const { result } = await observeChain(() => provider.server.processHTTPRequest(contextOf(request, null)));
  if (result.type !== 'payment-error') throw new Error('a request without payment is never admitted');
  return refusalResponse(reason, requiredOf(result.response));
}
