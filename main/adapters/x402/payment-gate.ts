/** The provider's till: x402's HTTP server behind our port, for answers that stream. */
import {
  decodePaymentRequiredHeader,
  encodePaymentResponseHeader,
  encodePaymentSignatureHeader,
} from '@x402/core/http';
import type { HTTPProcessResult } from '@x402/core/server';
import { z } from 'zod';
import { AppError } from '../../../shared/errors.ts';
import { type Amount, amount, amountSchema, ZERO } from '../../../shared/money.ts';
import {
  type Admission,
  type AdmittedPayment,
  CHANNEL_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
  type PaidRequest,
  type PaymentGate,
  type PaymentRefusal,
} from '../../ports/payments.ts';
import { observeChain } from './operation.ts';
import type { PricedRequest, ProviderChannels } from './provider-channels.ts';
import { classifyRefusal, refusalMessage } from './refusal.ts';
import { isUnclaimable } from './voucher-signature.ts';
import { type Payment, parsePayment } from './wire.ts';

type Verified = Extract<HTTPProcessResult, { type: 'payment-verified' }>;
type Answered = Extract<Admission, { kind: 'answered' }>;

/** A voucher must promise more than was claimed, also where nothing is sold. */
const OPENING_PRICE = amount(1n);

/** See {@link PaymentGate}. Deposits are on the chain before any work is released. */
export function createPaymentGate(provider: ProviderChannels): PaymentGate {
  const { options, channels } = provider;

  async function admit(request: PaidRequest): Promise<Admission> {
    const header = request.header(PAYMENT_HEADER);
    if (header === undefined) return refuse(request, 'voucher-missing');
    const payment = parsePayment(header);
    if (payment === null) return refuse(request, 'voucher-malformed');
    const price = priceOf(request);
    if (payment.accepted.network !== options.network.id) return refuse(request, 'other-channel');
    if (BigInt(payment.accepted.amount) < price) return refuse(request, 'voucher-too-small');
    const { channelConfig, voucher } = payment.payload;
    if (isUnclaimable(channelConfig, voucher, provider.hashes)) return refuse(request, 'bad-signature');
    const deposit = payment.payload.type === 'deposit' ? await takeDeposit(request, payment) : null;
    if (deposit !== null && 'kind' in deposit) return deposit;
    // The deposit's own voucher now pays like any other.
    if (deposit !== null && isOpening(request)) return ready(payment, deposit.paymentResponse);
    const paying = deposit === null ? payment : withoutDeposit(payment);
    const verified = await verify(request, paying);
    if ('kind' in verified) return verified;
    const admitted = book(request, paying, verified, deposit?.transaction ?? '');
    if (!isOpening(request)) return { kind: 'admitted', payment: admitted };
    const { paymentResponse } = await admitted.settle(ZERO);
    return ready(payment, paymentResponse);
  }

  /** Puts the deposit on the chain and charges nothing. */
  async function takeDeposit(
    request: PaidRequest,
    payment: Payment,
  ): Promise<Answered | { transaction: string; paymentResponse: string }> {
    const verified = await verify(request, payment);
    if ('kind' in verified) return verified;
    const { result: settled, failure } = await observeChain(() =>
      provider.server.processSettlement(
        verified.paymentPayload,
        verified.paymentRequirements,
        verified.declaredExtensions,
        { request: contextOf(request, payment) },
        { amount: '0' },
      ),
    );
    if (settled.success) {
      return {
        transaction: settled.transaction,
        paymentResponse:
          lowerCase(settled.headers)[PAYMENT_RESPONSE_HEADER] ?? encodePaymentResponseHeader(settled),
      };
    }
    await verified.cancellationDispatcher.cancel({ reason: 'handler_failed' });
    if (failure !== null) return refuse(request, 'chain-unavailable');
    return refuse(request, classifyRefusal(settled.errorReason, payment, null));
  }

  /** Asks the library; what it stores (the voucher, a reservation) is durable when this returns. */
  async function verify(request: PaidRequest, payment: Payment): Promise<Verified | Answered> {
    const before = channels.find(payment.payload.voucher.channelId);
    const beginRefund = (functionName: string, hash: string): void => {
      // A cooperative refund claims what is owed in the same transaction: it must reach the ledger too.
      if (before === null || (functionName !== 'multicall' && functionName !== 'claimWithSignature')) return;
      const claimedTotal = amount(before.chargedCumulativeAmount);
      const owed = amount(claimedTotal - BigInt(before.totalClaimed));
      if (owed <= 0n) return;
      const channel = { channelId: before.channelId, amount: owed, claimedTotal };
      provider.outbox.begin({ type: 'claimed', hash, channels: [channel] });
    };
    const { result, failure } = await observeChain(
      () => provider.server.processHTTPRequest(contextOf(request, payment)),
      beginRefund,
    );
    if (result.type === 'payment-verified') return result;
    if (result.type === 'no-payment-required') throw new Error('every request of the gate is paid for');
    const { response } = result;
    if (response.status === 200) {
      provider.announceFound();
      return {
        kind: 'answered',
        status: 200,
        headers: lowerCase(response.headers),
        body: JSON.stringify(response.body ?? {}),
        reason: 'channel-refunded',
      };
    }
    if (failure !== null) return refuse(request, 'chain-unavailable');
    const required = lowerCase(response.headers)[PAYMENT_REQUIRED_HEADER];
    const reason = classifyRefusal(errorOf(required), payment, before);
    return answer(reason, required);
  }

  function book(
    request: PaidRequest,
    payment: Payment,
    verified: Verified,
    depositTransaction: string,
  ): AdmittedPayment {
    let open = true;
    const close = (): void => {
      if (!open) throw new Error('a payment is settled or cancelled once');
      open = false;
    };
    return {
      channelId: payment.payload.voucher.channelId.toLowerCase(),
      payer: payment.payload.channelConfig.payer,
      async settle(charged) {
        close();
        const { ceiling } = request;
        const clamped = charged < 0n ? ZERO : charged > ceiling ? ceiling : charged;
        const settled = await provider.server.processSettlement(
          verified.paymentPayload,
          verified.paymentRequirements,
          verified.declaredExtensions,
          { request: contextOf(request, payment) },
          { amount: clamped.toString() },
        );
        if (!settled.success) {
          throw new AppError('payment-required', 'The charge could not be kept.', {
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
        await verified.cancellationDispatcher.cancel({ reason: 'handler_failed' });
      },
    };
  }

  async function refuse(request: PaidRequest, reason: PaymentRefusal): Promise<Answered> {
    // Asked without the payment, the library answers with the plain requirements.
    const { result } = await observeChain(() => provider.server.processHTTPRequest(contextOf(request, null)));
    if (result.type !== 'payment-error') throw new Error('a request without payment is never admitted');
    return answer(reason, lowerCase(result.response.headers)[PAYMENT_REQUIRED_HEADER]);
  }

  function contextOf(request: PaidRequest, payment: Payment | null) {
    const path = request.path.split('?')[0] ?? request.path;
    const price = payment === null ? priceOf(request) : amount(payment.accepted.amount);
    const adapter: PricedRequest = {
      price,
      getHeader(name) {
        if (name.toLowerCase() !== PAYMENT_HEADER) return request.header(name.toLowerCase());
        return payment === null ? undefined : encodePaymentSignatureHeader(payment);
      },
      getMethod: () => request.method,
      getPath: () => path,
      getUrl: () => path,
      // Never the library's HTML page for browsers.
      getAcceptHeader: () => 'application/json',
      getUserAgent: () => '',
    };
    return { adapter, path, method: request.method };
  }

  return { asset: options.network.token, payout: options.payout, admit };
}

function withoutDeposit({ payload, ...rest }: Payment): Payment {
  const { channelConfig, voucher } = payload;
  return { ...rest, payload: { type: 'voucher', channelConfig, voucher } };
}

function isOpening(request: PaidRequest): boolean {
  return request.path.split('?')[0] === CHANNEL_PATH;
}

function priceOf(request: PaidRequest): Amount {
  return request.ceiling > OPENING_PRICE ? request.ceiling : OPENING_PRICE;
}

function ready(payment: Payment, paymentResponse: string): Answered {
  return {
    kind: 'answered',
    status: 200,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      [PAYMENT_RESPONSE_HEADER]: paymentResponse,
    },
    body: JSON.stringify({ channel: payment.payload.voucher.channelId.toLowerCase() }),
    reason: 'channel-ready',
  };
}

function answer(reason: PaymentRefusal, required: string | undefined): Answered {
  const error = {
    message: refusalMessage(reason),
    type: reason === 'chain-unavailable' ? 'service_unavailable' : 'payment_required',
    param: null,
    code: reason,
  };
  return {
    kind: 'answered',
    status: reason === 'chain-unavailable' ? 503 : 402,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      ...(required === undefined ? {} : { [PAYMENT_REQUIRED_HEADER]: required }),
    },
    body: JSON.stringify({ error }),
    reason,
  };
}

const settledExtraSchema = z.object({
  channelState: z.object({ chargedCumulativeAmount: amountSchema }),
});

function cumulativeOf(extra: unknown): Amount {
  return settledExtraSchema.parse(extra).channelState.chargedCumulativeAmount;
}

/** The library's own reason, which it puts into the header only. */
function errorOf(required: string | undefined): string | undefined {
  return required === undefined ? undefined : decodePaymentRequiredHeader(required).error;
}

function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
