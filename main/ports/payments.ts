/** Payment by request, as the provider and the gateway see it; x402 is behind it. */
import type { Amount, Asset } from '../../shared/money.ts';

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
      /** 402 with requirements and the reason, or the answer to a zero-charge opening request. */
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly reason: string;
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
  refused(response: { status: number; headers: Readonly<Record<string, string>>; body: string }): Promise<void>;
  /** The answer was lost: the charge is unknown until the next request corrects it. Frees the lease. */
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
