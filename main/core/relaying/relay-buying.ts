/**
 * Pays the relays over which this machine is reached: chooses those whose price the owner allows, buys one step of bytes when
 * the last one is used up by this machine's own count, and leaves a relay that raises its price, counts more than came or
 * takes the money without adding to the allowance.
 */
import { isAppError } from '../../../shared/errors.ts';
import { parseJson } from '../../../shared/json.ts';
import { type Amount, amount, ZERO } from '../../../shared/money.ts';
import {
  RELAY_ALLOWANCE_PATH,
  RELAY_RESPONSE_CHARACTERS_MAX,
  RELAY_TERMS_PATH,
  type RelayAllowance,
  type RelayTerms,
  relayAllowanceSchema,
  stepPrice,
} from '../../../shared/relaying.ts';
import { PAYMENT_RESPONSE_HEADER } from '../../../shared/wire.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Log } from '../../ports/log.ts';
import type { RelayChoice, RelayCost } from '../../ports/network.ts';
import type { Charge, Payer, PaymentLease } from '../../ports/payments.ts';
import { readText } from '../../ports/read-text.ts';
import { RelayAccount } from './relay-account.ts';
import type { RelaySpending, StepHold } from './relay-spending.ts';

export interface RelayBuyingParts {
  readonly fetch: (relay: string, path: string, init: RequestInit) => Promise<Response>;
  readonly payer: Payer;
  readonly spending: RelaySpending;
  /** See `readRelayTerms`. */
  readonly readTerms: (jws: string, relay: string) => Promise<RelayTerms>;
  /** True if this wallet can pay in the token and on a chain of the terms. */
  readonly isPayable: (terms: RelayTerms) => boolean;
  /** Base units per step that the owner allows; 0: only free relays. */
  readonly priceMax: () => bigint;
  /** Called before a voucher of this channel leaves. */
  readonly onLease: (channelId: string) => void;
  readonly onPaid: (relay: string, lease: Pick<PaymentLease, 'channelId'>, charge: Charge) => void;
  readonly leave: (relay: string) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Answers of a relay are expected within this time; a deposit may take longer. */
const ASK_MS = 5_000;
const PAY_MS = 30_000;
/** The price is read again before a payment after this time. */
const PRICE_MS = 60_000;
const RETRY_MS = 5_000;
const ATTEMPTS_MAX = 5;
/** A relay that was left isn't used again within this time. */
const LEFT_MS = 3_600_000;
/** Relays that are remembered. */
const RELAYS_MAX = 256;
const OK = 200;
const NOT_FOUND = 404;

interface Known {
  account: RelayAccount;
  /** Null for a relay that costs nothing. */
  terms: RelayTerms | null;
  /** Null until its terms were read. */
  readAtMs: number | null;
  isPaying: boolean;
  failures: number;
  /** Nothing is paid before. */
  retryAtMs: number;
  leftUntilMs: number;
  /** Charge of the last step, while this machine hasn't used it. */
  unproven: Amount;
  /** Base units in this run. */
  paid: bigint;
}

/** A reason to leave a relay, for the log. */
type Reason = 'price' | 'false-count' | 'false-charge' | 'not-paid' | 'unreachable';

class Leaving extends Error {
  readonly reason: Reason;

  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

export class RelayBuying implements RelayChoice {
  readonly #parts: RelayBuyingParts;
  readonly #relays = new Map<string, Known>();
  #isStopped = false;

  constructor(parts: RelayBuyingParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#isStopped = true;
  }

  async priceOf(relay: string): Promise<bigint | null> {
    const known = this.#of(relay);
    if (known.leftUntilMs > this.#parts.clock.monotonic()) return null;
    try {
      const price = await this.#price(relay, known);
      if (price > this.#parts.priceMax()) return null;
      if (price > 0n && !known.account.isKnown) await this.#begin(relay, known);
      return price;
    } catch (error) {
      if (error instanceof Leaving) this.#leave(relay, known, error.reason);
      return null;
    }
  }

  count(relay: string, bytes: number): void {
    const known = this.#relays.get(relay);
    if (known === undefined || known.terms === null) return;
    known.account.count(bytes);
    if (known.account.isUsedUp) void this.#pay(relay, known);
  }

  costOf(relay: string): RelayCost | null {
    const known = this.#relays.get(relay);
    if (known === undefined || known.terms === null) return null;
    return { pricePerMegabyte: stepPrice(known.terms), paid: known.paid };
  }

  #of(relay: string): Known {
    const known = this.#relays.get(relay) ?? {
      ...{ account: new RelayAccount(), terms: null, readAtMs: null, isPaying: false },
      ...{ failures: 0, retryAtMs: 0, leftUntilMs: Number.NEGATIVE_INFINITY, unproven: ZERO, paid: 0n },
    };
    this.#relays.delete(relay);
    this.#relays.set(relay, known);
    const [oldest] = this.#relays.keys();
    if (this.#relays.size > RELAYS_MAX && oldest !== undefined) this.#relays.delete(oldest);
    return known;
  }

  /** The relay's price, read again if it is old. Throws if it can't be paid. */
  async #price(relay: string, known: Known): Promise<bigint> {
    const { clock, isPayable } = this.#parts;
    if (known.readAtMs === null || clock.monotonic() - known.readAtMs > PRICE_MS) {
      const terms = await this.#readTerms(relay);
      if (terms !== null && !isPayable(terms)) throw new Leaving('price');
      known.terms = terms;
      known.readAtMs = clock.monotonic();
    }
    return known.terms === null ? 0n : stepPrice(known.terms);
  }

  /** Null for a relay that costs nothing. */
  async #readTerms(relay: string): Promise<RelayTerms | null> {
    const { fetch, readTerms } = this.#parts;
    const response = await fetch(relay, RELAY_TERMS_PATH, { signal: AbortSignal.timeout(ASK_MS) });
    const { text } = await readText(response, RELAY_RESPONSE_CHARACTERS_MAX);
    if (response.status === NOT_FOUND) return null;
    const terms = await readTerms(text, relay);
    return stepPrice(terms) === ZERO ? null : terms;
  }

  /** Fetches the allowance left from an earlier run, and pays a debt: the relay would let nobody reach this machine. */
  async #begin(relay: string, known: Known): Promise<void> {
    const response = await this.#parts.fetch(relay, RELAY_ALLOWANCE_PATH, {
      signal: AbortSignal.timeout(ASK_MS),
    });
    if (!known.account.take(await readAllowance(response))) throw new Leaving('false-count');
    if (known.account.isInDebt) void this.#pay(relay, known);
  }

  /** Buys a step. Never rejects. */
  async #pay(relay: string, known: Known): Promise<void> {
    const nowMs = this.#parts.clock.monotonic();
    if (known.isPaying || this.#isStopped || Math.max(known.leftUntilMs, known.retryAtMs) > nowMs) return;
    known.isPaying = true;
    try {
      if (!known.account.isKnown) await this.#begin(relay, known);
      if (known.account.isUsedUp) await this.#buyStep(relay, known);
      known.failures = 0;
    } catch (error) {
      if (error instanceof Leaving) this.#leave(relay, known, error.reason);
      else this.#retryLater(relay, known, error);
    } finally {
      known.isPaying = false;
    }
    // More may have come than the step holds.
    const isRefilled = known.terms === null || !known.account.isUsedUp;
    if (known.failures === 0 && !isRefilled) void this.#pay(relay, known);
  }

  #retryLater(relay: string, known: Known, error: unknown): void {
    const { clock, log } = this.#parts;
    known.failures += 1;
    // Without a budget, or where the relay can't be paid, no later attempt helps.
    const isFinal = isAppError(error, 'payment-required') || isAppError(error, 'unsupported');
    if (isFinal || known.failures >= ATTEMPTS_MAX) {
      this.#leave(relay, known, isFinal ? 'not-paid' : 'unreachable');
      return;
    }
    log.debug('A relay could not be paid', { relay, cause: String(error) });
    known.retryAtMs = clock.monotonic() + RETRY_MS;
    clock.after(RETRY_MS, () => void this.#pay(relay, known));
  }

  async #buyStep(relay: string, known: Known): Promise<void> {
    const { payer, spending, priceMax, onLease } = this.#parts;
    // The last step has come through: only now the relay has proven anything.
    spending.proven(relay, known.unproven);
    known.unproven = ZERO;
    const price = amount(await this.#price(relay, known));
    const { terms } = known;
    if (terms === null) return;
    if (price > priceMax()) throw new Leaving('price');
    const hold = spending.hold(relay, price);
    let lease: PaymentLease | null = null;
    try {
      const provider = {
        peer: relay,
        payTo: terms.payout,
        fetch: (path: string, init: RequestInit) => this.#parts.fetch(relay, path, init),
      };
      lease = await payer.lease(provider, RELAY_ALLOWANCE_PATH, price);
    } finally {
      if (lease === null) hold.end({ kind: 'unused' });
    }
    onLease(lease.channelId);
    await this.#send(relay, known, lease, hold);
  }

  async #send(relay: string, known: Known, lease: PaymentLease, hold: StepHold): Promise<void> {
    let response: Response;
    let text: string;
    try {
      response = await this.#parts.fetch(relay, RELAY_ALLOWANCE_PATH, {
        ...{ method: 'POST', headers: lease.headers, signal: AbortSignal.timeout(PAY_MS) },
      });
      text = (await readText(response, RELAY_RESPONSE_CHARACTERS_MAX)).text;
    } catch (error) {
      // It may have charged and added the step: its count is asked for before another one is bought.
      known.account.forget();
      hold.end({ kind: 'stopped', charged: null });
      const { account } = known;
      await lease.abandon(({ charged }) => {
        hold.learned(charged, true);
        known.paid += charged;
        if (charged > 0n) account.charged();
      });
      throw error;
    }
    const paid = response.headers.get(PAYMENT_RESPONSE_HEADER);
    if (response.status !== OK || paid === null) return this.#refused(known, { lease, hold, response, text });
    await this.#complete(relay, known, { lease, hold, paid });
    const told = allowanceIn(text);
    if (told === null || !known.account.take(told)) throw new Leaving('false-count');
  }

  async #complete(
    relay: string,
    known: Known,
    { lease, hold, paid }: { readonly lease: PaymentLease; readonly hold: StepHold; readonly paid: string },
  ): Promise<void> {
    let charge: Charge;
    try {
      charge = lease.read(paid);
    } catch {
      hold.end({ kind: 'failed', charged: null });
      await lease.dispute();
      throw new Leaving('false-charge');
    }
    await lease.complete(paid);
    hold.end({ kind: 'stopped', charged: charge.charged });
    known.unproven = charge.charged;
    known.paid += charge.charged;
    known.account.charged();
    this.#parts.onPaid(relay, lease, charge);
  }

  /** A refusal proves what was charged; the price may have been raised since it was read. */
  async #refused(
    known: Known,
    sent: {
      readonly lease: PaymentLease;
      readonly hold: StepHold;
      readonly response: Response;
      readonly text: string;
    },
  ): Promise<never> {
    const { lease, hold, response, text } = sent;
    const headers = Object.fromEntries(response.headers);
    const { charged, isExplained } = await lease.refused({ status: response.status, headers, body: text });
    hold.end(charged === 0n ? { kind: 'refused' } : { kind: 'stopped', charged });
    known.paid += charged;
    if (charged > 0n && !isExplained) throw new Leaving('false-charge');
    known.account.forget();
    known.readAtMs = null;
    throw new Error(`the relay refused the payment with status ${response.status}`);
  }

  #leave(relay: string, known: Known, reason: Reason): void {
    const { clock, log, leave } = this.#parts;
    known.leftUntilMs = clock.monotonic() + LEFT_MS;
    known.failures = 0;
    // When it is used again, its count is compared from then on.
    known.account = new RelayAccount();
    log.info('A relay isn’t used any more', { relay, reason });
    leave(relay);
  }
}

async function readAllowance(response: Response): Promise<RelayAllowance> {
  const { text } = await readText(response, RELAY_RESPONSE_CHARACTERS_MAX);
  const told = allowanceIn(text);
  if (told === null) throw new Leaving('false-count');
  return told;
}

/** Null for a text that is no allowance. */
function allowanceIn(text: string): RelayAllowance | null {
  try {
    return relayAllowanceSchema.parse(parseJson(text));
  } catch {
    return null;
  }
}
