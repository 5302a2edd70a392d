/** Payment per request, as the provider and the gateway see it; the x402 adapter implements it. */
import type { Amount, Asset } from '../../shared/money.ts';

/**
 * `POST` with an empty body to {@link CHANNEL_PATH}: the HTTP server passes it to {@link PaymentGate.admit} with a
 * ceiling of zero and sends the response: 402 with the requirements when the request has no voucher, else 200 with
 * {@link PAYMENT_RESPONSE_HEADER}.
 */
export {
  CHANNEL_PATH,
  CUSTOMER_HEADER,
  PAYMENT_HEADER,
  PAYMENT_REQUIRED_HEADER,
  PAYMENT_RESPONSE_HEADER,
} from '../../shared/wire.ts';

/** Reasons for which a payment is refused; also the `code` of the OpenAI-shaped error in the body. */
export type PaymentRefusal =
  | 'voucher-missing'
  | 'voucher-malformed'
  | 'bad-signature'
  | 'voucher-too-small'
  /** The voucher was presented before and its amount is spent. */
  | 'voucher-replayed'
  /** The voucher doesn't continue from the channel's state: it is too large, or for a state that never existed. */
  | 'voucher-out-of-step'
  /** Made for another channel, receiver, token or chain. */
  | 'other-channel'
  /** The channel's balance is below the voucher's amount, or zero. */
  | 'deposit-too-small'
  | 'deposit-refused'
  /** The deposit's authorization isn't valid now, by this machine's clock. */
  | 'clock-wrong'
  /** Another request of the same channel isn't finished. */
  | 'channel-busy'
  /** 503: this request needs the chain, and the chain is unavailable. */
  | 'chain-unavailable'
  | 'voucher-refused';

/** Reasons for which the storefront refuses what isn't a voucher; also the `code` of the error in the body. */
export type SaleRefusal =
  | 'payment-malformed'
  /** Signed for another receiver, token, chain or amount. */
  | 'other-terms'
  | 'payment-too-small'
  | 'payment-used'
  /** The request costs nothing, so that there is nothing to pay for. */
  | 'nothing-to-pay'
  /** Not valid yet or any more, by this machine's clock. */
  | 'payment-expired'
  /** The chain doesn't take it: no money, or its nonce was used. */
  | 'payment-refused'
  /** It would be paid after the answer, and it costs too much, or too much is owed. */
  | 'not-on-credit'
  /** The prepaid balance is too small. */
  | 'balance-too-small';

/** The parts of an HTTP request that its payment depends on. Header names are lower case. */
export interface PaidRequest {
  readonly method: string;
  readonly path: string;
  readonly header: (name: string) => string | undefined;
  /** Maximum cost of this request, in base units of the gate's asset. */
  readonly ceiling: Amount;
  readonly description: string;
}

/** The payment of one admitted request. Exactly one of `settle` and `cancel` is called, once. */
export interface AdmittedPayment {
  readonly channelId: string;
  readonly payer: string;
  /**
   * Charges the used amount, clamped to the ceiling, and records it; it is on disk with the job's next durable step.
   * `paymentResponse` is the value of the `PAYMENT-RESPONSE` header (or last SSE event). `job`: ID of the
   * job that it pays for, unless it pays for something else.
   */
  settle(
    charged: Amount,
    job?: string,
  ): Promise<{ charged: Amount; cumulative: Amount; paymentResponse: string }>;
  /** Releases the channel without a charge. */
  cancel(): Promise<void>;
  /** Releases the channel without a record, after settle and cancel were not called or failed. */
  abandon(): void;
}

export type Admission =
  | { readonly kind: 'admitted'; readonly payment: AdmittedPayment }
  | {
      readonly kind: 'answered';
      /** 402 with requirements and the reason, 503, or 200 for a request to {@link CHANNEL_PATH}. */
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly reason: PaymentRefusal | SaleRefusal | 'channel-ready' | 'channel-refunded';
    };

/** Work on the chain that a request causes at the provider's cost: a transaction, or a call to a node. */
export interface ChainWork {
  readonly kind: 'deposit' | 'refund' | 'check';
  /** True if jobs have used up at least half of the channel's balance, so that the fee follows a business. */
  readonly isPaidFor: boolean;
}

/**
 * Result of checking a payment header before the request's body is received, without the chain: there is none; the
 * payment would be refused with any body; only the chain can decide; or it is a valid voucher of a known channel with
 * money left.
 */
export type PaymentStanding = 'none' | 'refused' | 'unproven' | 'proven';

/** Admits paid requests on the provider's side. */
export interface PaymentGate {
  readonly asset: Asset;
  readonly payout: string;
  /** Returns what this request demands of the chain, without asking it; null if it demands nothing. */
  chainWork(request: Pick<PaidRequest, 'header' | 'ceiling'>): ChainWork | null;
  /** Changes nothing. */
  standing(request: Pick<PaidRequest, 'header'>): PaymentStanding;
  /**
   * Verifies and records the voucher, and only then admits the request. The voucher is on disk with the job's next
   * durable step, before which nobody may work for it; an answer is on disk when this returns.
   */
  admit(request: PaidRequest): Promise<Admission>;
}

/** The charge of one request, and the channel's total after it. */
export interface Charge {
  readonly charged: Amount;
  readonly cumulative: Amount;
}

/** A charge that a refusal proved and this machine didn't know. */
export interface RefusedCharge {
  /** 0 if it proved none. */
  readonly charged: Amount;
  /** True if an earlier response on the channel was lost; otherwise the provider charged for what it refused. */
  readonly isExplained: boolean;
}

/**
 * The payment of one request on the buying side: exclusive use of one channel. Requests of one channel run in
 * series; several channels run concurrently.
 */
export interface PaymentLease {
  readonly channelId: string;
  /** Headers to send with the paid request, once the job is durable: the lease is recorded with it. */
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Reads the provider's `PAYMENT-RESPONSE` without accepting it. Fails with `bad-request` for a charge above the ceiling
   * or out of step with the channel.
   */
  read(paymentResponse: string): Charge;
  /** Accepts the charge of a `PAYMENT-RESPONSE`, which {@link read} reads. Frees the lease. */
  complete(paymentResponse: string): Promise<Charge>;
  /**
   * Rejects the charge: nothing is recorded as paid, and the channel is never used again. The provider may still claim
   * up to the voucher's amount; that is recorded once the chain shows it. Frees the lease.
   */
  dispute(): Promise<void>;
  /**
   * Corrects the channel's state from a 402 response, and returns the charge that it proves. Frees the lease; the caller
   * takes a new one.
   */
  refused(response: {
    status: number;
    headers: Readonly<Record<string, string>>;
    body: string;
  }): Promise<RefusedCharge>;
  /**
   * Ends a lease whose response was lost. The provider is queried in the background for the charge; the lease is
   * freed when the charge is known or can't be learned now. `onLearned` is called with the charge, before it is
   * reported to the ledger as a charge of the channel.
   */
  abandon(onLearned?: (charge: Charge) => void): Promise<void>;
}

/** A provider to pay, and access to its HTTP service. */
export interface PaidProvider {
  /** Stable name of the provider (its peer ID). */
  readonly peer: string;
  readonly fetch: (path: string, init: RequestInit) => Promise<Response>;
  /** The payout address in its offer: nothing is paid to another one. Absent: nothing is paid. */
  readonly payTo?: string;
}

/** A deposit that a request to a provider requires. */
export interface DepositNeed {
  readonly peer: string;
  /** Smallest sum that covers the request and the provider's announced minimum. */
  readonly least: Amount;
  /** On-chain balance of all channels with the provider, spent or not. */
  readonly held: Amount;
  /** Amount that the provider has charged on these channels. */
  readonly charged: Amount;
}

/** Limits what a payer deposits with each provider. */
export interface DepositLimits {
  /** Maximum channels with a provider now; null: as many as the payer allows. */
  channelsMax(peer: string): number | null;
  /**
   * Returns the amount to sign for, at least `least`. It counts from then on, because a signed deposit can reach the
   * chain whatever the provider answers. Fails with `payment-required` if the limits don't allow it.
   */
  reserve(need: DepositNeed): Amount;
}

/** Pays for single requests. */
export interface Payer {
  /**
   * Leases a channel that covers `ceiling` and whose last charge is known; opens and funds one if none is free. Fails with
   * `peer-unreachable` or `busy` if the provider tells no charge.
   */
  lease(provider: PaidProvider, path: string, ceiling: Amount): Promise<PaymentLease>;
}

/** A channel of this buyer, as the chain has it now. */
export interface BoughtChannelState {
  readonly channelId: string;
  readonly peer: string;
  /** Deposits minus withdrawals and refunds. */
  readonly balance: Amount;
  /** The part that isn't charged and can be taken back. */
  readonly left: Amount;
  readonly lastUsedMs: number;
  /** A withdrawal that was started and isn't finished. */
  readonly withdrawal: { readonly amount: Amount; readonly readyAtMs: number } | null;
}

/** A deposit that came back to the wallet. */
export interface ReturnedDeposit {
  readonly channelId: string;
  readonly txHash: string;
  readonly amount: Amount;
}

export type Withdrawal =
  | { readonly kind: 'started' | 'waiting'; readonly readyAtMs: number }
  | { readonly kind: 'returned'; readonly deposit: ReturnedDeposit };

/** Takes deposits back. Everything fails with `chain-unavailable` while the chain can't be read. */
export interface ChannelReturns {
  channels(): Promise<readonly BoughtChannelState[]>;
  /** The channel's recent refunds and withdrawals by the chain's events, whoever caused them. */
  returned(channelId: string): Promise<readonly ReturnedDeposit[]>;
  /**
   * Asks the provider for what it hasn't charged; returns the channel's recent returns. Fails with `busy` while a
   * request uses the channel, and with `payment-required` if the provider refuses.
   */
  refund(provider: PaidProvider, channelId: string): Promise<readonly ReturnedDeposit[]>;
  /** Starts a withdrawal on the chain, or finishes one whose delay is over. Costs a network fee. */
  withdraw(channelId: string): Promise<Withdrawal>;
}

/** The gateway's payment client: pays for requests and accounts for the money in its channels. */
export interface PaymentClient extends Payer {
  readonly returns: ChannelReturns;
  /** Peers with a channel on which a charge is unknown, including channels from an earlier run. */
  unresolved(): readonly string[];
  /** True if a charge of this channel is unknown. */
  isChargeUnknown(channelId: string): boolean;
  /** Queries a provider now about such channels. Charges that it doesn't return are queried again another time. */
  synchronise(provider: PaidProvider): Promise<void>;
  /** Total charge of each channel, according to this machine's records. */
  charges(): readonly { readonly channelId: string; readonly total: Amount }[];
  /** On-chain balance of each channel: deposits minus withdrawals and refunds. Fails with `chain-unavailable`. */
  deposits(): Promise<readonly { readonly channelId: string; readonly total: Amount }[]>;
  /** Resolves when no background query is running. */
  idle(): Promise<void>;
}
