/** Payment by request, as the provider and the gateway see it; x402 is behind it. */
import type { Amount, Asset } from '../../shared/money.ts';

/**
 * `POST` with an empty body to {@link CHANNEL_PATH}: the HTTP server passes it to {@link PaymentGate.admit} with a
 * ceiling of zero and sends the response: 402 with the requirements when the request has no voucher, else 200 with
 * {@link PAYMENT_RESPONSE_HEADER}.
 */
export {
  CHANNEL_PATH,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
} from '../../shared/wire.ts';

/** Why a payment was not taken; also the `code` of the OpenAI-shaped error in the body. */
export type PaymentRefusal =
  | 'voucher-missing'
  | 'voucher-malformed'
  | 'bad-signature'
  | 'voucher-too-small'
  /** It was shown before and what it promises is spent. */
  | 'voucher-replayed'
  /** It does not continue where the channel stands (too much, or for a state that never was). */
  | 'voucher-out-of-step'
  /** Made for another channel, receiver, token or chain. */
  | 'other-channel'
  /** The channel holds less than the voucher promises, or nothing. */
  | 'deposit-too-small'
  | 'deposit-refused'
  /** Another request of the same channel is not finished. */
  | 'channel-busy'
  /** 503: the chain is needed for this request and does not answer. */
  | 'chain-unavailable'
  | 'voucher-refused';

/** What a paid HTTP request brings. Header names are lower case. */
export interface PaidRequest {
  readonly method: string;
  readonly path: string;
  readonly header: (name: string) => string | undefined;
  /** The most this request can cost, in base units of the gate's asset. */
  readonly ceiling: Amount;
  readonly description: string;
}

/** The books of one admitted request. Exactly one of `settle` and `cancel` is called, once. */
export interface AdmittedPayment {
  readonly channelId: string;
  readonly payer: string;
  /**
   * Charges what was used, clamped to the ceiling, and persists it before it returns.
   * `paymentResponse` is the value of the `PAYMENT-RESPONSE` header (or last SSE event).
   */
  settle(charged: Amount): Promise<{ charged: Amount; cumulative: Amount; paymentResponse: string }>;
  /** Releases the channel without a charge. */
  cancel(): Promise<void>;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly payment: AdmittedPayment }
  | {
      readonly kind: 'answered';
      /** 402 with requirements and the reason, 503, or 200 to a request at {@link CHANNEL_PATH}. */
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly reason: PaymentRefusal | 'channel-ready' | 'channel-refunded';
    };

/** The provider's till. */
export interface PaymentGate {
  readonly asset: Asset;
  readonly payout: string;
  /** Verifies, persists the voucher, and only then admits. */
  admit(request: PaidRequest): Promise<Admission>;
}

/** One request's payment on the buying side. Requests of one channel run in series; several channels run side by side. */
export interface PaymentLease {
  readonly channelId: string;
  /** Headers to send with the paid request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Reads the provider's `PAYMENT-RESPONSE`; refuses a charge above the ceiling. Frees the lease. */
  complete(paymentResponse: string): Promise<{ charged: Amount; cumulative: Amount }>;
  /** A 402 came back: corrects the channel's state from it. Frees the lease; the caller takes a new one. */
  refused(response: {
    status: number;
    headers: Readonly<Record<string, string>>;
    body: string;
  }): Promise<void>;
  /**
   * The answer was lost: the provider is asked what it charged, in the background, and the lease is free when
   * that is known or cannot be learned now.
   */
  abandon(): Promise<void>;
}

/** A provider to pay, and the way to reach its HTTP service. */
export interface PaidProvider {
  /** Stable name of the provider (its peer id). */
  readonly peer: string;
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
}

/** The gateway's purse. */
export interface Payer {
  /** Opens and funds a channel when none is free, at most `ceiling` for this request. */
  lease(provider: PaidProvider, path: string, ceiling: Amount): Promise<PaymentLease>;
}

/** The purse as its owner sees it: what became of the money in its channels. */
export interface PaymentClient extends Payer {
  /** Peers with a channel on which a charge is unknown, also since an earlier run. */
  unresolved(): readonly string[];
  /** Asks a provider about such channels now. What it does not answer is asked again another time. */
  synchronise(provider: PaidProvider): Promise<void>;
  /** What each channel was charged in all, as far as this machine's records know. */
  charges(): readonly { readonly channelId: string; readonly total: Amount }[];
  /** What the chain says was put into each channel and not taken out again; fails with `chain-unavailable`. */
  deposits(): Promise<readonly { readonly channelId: string; readonly total: Amount }[]>;
  /** Resolves when nothing is being asked in the background. */
  idle(): Promise<void>;
}
