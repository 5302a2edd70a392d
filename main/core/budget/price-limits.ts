/** Decides the highest price that a request may pay: the client's, the owner's, or one derived from prices seen. */
import { z } from 'zod';
import type { BuyingLimits } from '../../../shared/buying-limits.ts';
import { AppError } from '../../../shared/errors.ts';
import { type Price, priceSchema } from '../../../shared/price.ts';
import { MAX_PRICE_HEADER } from '../../../shared/wire.ts';
import type { RecordStore } from '../../ports/store.ts';

/** A derived limit is this multiple of the reference price: of the highest one paid, else of the median of the offers. */
const REFERENCE_FACTOR = 4n;
/**
 * Range of a derived limit, in base units per million tokens. Below the lower end prices don't matter, so that offers
 * at almost no price can't exclude all others; no offers, however many, raise it above the upper end (2 and 8 USDC).
 */
const DERIVED_MIN: Price = { inputPerMillion: '100000', outputPerMillion: '400000' };
const DERIVED_MAX: Price = { inputPerMillion: '2000000', outputPerMillion: '8000000' };
const PAID = 'bought-price';
/** Models whose price is stored. */
const PAID_MODELS_MAX = 256;

/** True if neither part of the price exceeds the limit. */
export function isWithin(price: Price, limit: Price): boolean {
  return (
    BigInt(price.inputPerMillion) <= BigInt(limit.inputPerMillion) &&
    BigInt(price.outputPerMillion) <= BigInt(limit.outputPerMillion)
  );
}

/** Reads `input=N; output=N`, both in base units per million tokens; null without the header, else `bad-request`. */
export function readMaxPrice(header: string | undefined): Price | null {
  if (header === undefined) return null;
  const match = /^input=(\d{1,15})\s*[;,]\s*output=(\d{1,15})$/i.exec(header.trim());
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new AppError(
      'bad-request',
      `Invalid header ${MAX_PRICE_HEADER}. Use input=N; output=N, in base units per million tokens.`,
      { details: { param: MAX_PRICE_HEADER, code: 'invalid_value' } },
    );
  }
  return { inputPerMillion: match[1], outputPerMillion: match[2] };
}

/**
 * The highest price that was paid for each model and proven by a valid receipt. The highest, so that a provider can't
 * exclude all others by selling a little at almost no price.
 */
export interface PaidPrices {
  of(model: string): Price | null;
  note(model: string, price: Price): void;
}

export function createPaidPrices(records: RecordStore): PaidPrices {
  function of(model: string): Price | null {
    const text = records.get(PAID, model);
    const parsed = text === null ? null : z.string().transform(parseJson).pipe(priceSchema).safeParse(text);
    return parsed?.success ? parsed.data : null;
  }

  return {
    of,
    note(model, price) {
      const known = of(model);
      if (known !== null && isWithin(price, known)) return;
      if (known === null && records.list(PAID).length >= PAID_MODELS_MAX) return;
      const highest = (key: keyof Price): string =>
        known !== null && BigInt(known[key]) > BigInt(price[key]) ? known[key] : price[key];
      const stored: Price = {
        inputPerMillion: highest('inputPerMillion'),
        outputPerMillion: highest('outputPerMillion'),
      };
      records.set(PAID, model, JSON.stringify(stored));
    },
  };
}

export interface PriceQuestion {
  readonly model: string;
  /** The client's own maximum; null if it sent none. */
  readonly asked: Partial<Price> | null;
  /** The prices at which the model is offered now. */
  readonly offered: readonly Price[];
}

/**
 * Returns the highest price for a request. The owner's maximum is never exceeded; a client's maximum applies below it,
 * and replaces the derived one.
 */
export function priceLimit(limits: BuyingLimits, paid: PaidPrices, question: PriceQuestion): Price {
  const owners = ownersLimit(limits, question.model);
  const derived = derivedLimit(paid.of(question.model), question.offered);
  const part = (key: keyof Price): string => {
    const given = [owners[key], question.asked?.[key] ?? null].flatMap((text) =>
      text === null ? [] : [BigInt(text)],
    );
    return given.length === 0
      ? derived[key]
      : given.reduce((least, each) => (each < least ? each : least)).toString();
  };
  return { inputPerMillion: part('inputPerMillion'), outputPerMillion: part('outputPerMillion') };
}

function ownersLimit(limits: BuyingLimits, model: string): { [key in keyof Price]: string | null } {
  const own = limits.buyModelPrices.find((each) => each.model === model);
  return own ?? { inputPerMillion: limits.buyPriceInputMax, outputPerMillion: limits.buyPriceOutputMax };
}

function derivedLimit(paid: Price | null, offered: readonly Price[]): Price {
  const part = (key: keyof Price): string => {
    const reference = paid === null ? median(offered.map((price) => BigInt(price[key]))) : BigInt(paid[key]);
    const raised = reference * REFERENCE_FACTOR;
    const least = BigInt(DERIVED_MIN[key]);
    const most = BigInt(DERIVED_MAX[key]);
    return (raised < least ? least : raised > most ? most : raised).toString();
  };
  return { inputPerMillion: part('inputPerMillion'), outputPerMillion: part('outputPerMillion') };
}

/** The lower one of the two middle values if their number is even; 0 of none. */
function median(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0n;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A damaged record is the same as none: the price is noted again with the next purchase.
    return null;
  }
}
