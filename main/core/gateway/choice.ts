/**
 * Ranks the providers for a request by what each is expected to cost, in base units: its price, and surcharges for what
 * this buyer knows of it. A speed that a provider announces decides only among equals, because announcing costs nothing.
 * Pure.
 */
import type { ChoiceNote } from '../../../shared/choice-note.ts';
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Provider } from '../network/index.ts';
import type { Known } from '../reputation/index.ts';

export interface Candidate {
  readonly peer: string;
  readonly offer: Offer;
  readonly model: OfferedModel;
  /** Absent for one that wasn't ranked, such as an offer that was renewed. */
  readonly terms?: Terms;
  /** The reason of its choice when its turn comes. */
  readonly why?: ChoiceNote;
}

/** The amounts that add up to a candidate's place, in base units. */
export interface Terms {
  /** Price of the request with the most tokens that it may have. */
  readonly price: number;
  /** Surcharge for an answer that ends later than the fastest one measured; at most {@link TIME_SHARE} of the price. */
  readonly time: number;
  /** Expected cost of a failure: the prompt is read and paid again elsewhere, and the answer ends later. */
  readonly failure: number;
  /** Surcharge for a provider without a standing; at most {@link STANDING_SHARE} of the price. */
  readonly standing: number;
  /** True if all its slots are taken by own requests, or it reported that it is busy. */
  readonly isFull: boolean;
}

export interface Wanted {
  readonly modelId: string;
  /** Exactly this file, if an answer of it has begun; null accepts any file of that name. */
  readonly sha256?: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Returns what is known of a provider with one of its model files. */
export type KnownOf = (peer: string, sha256: string) => Known;

/** Part of the price that a faster answer is worth at most. */
const TIME_SHARE = 0.05;
/** Part of the price that a standing is worth at most. */
const STANDING_SHARE = 0.05;
/** Part of the price that a wait for another provider is worth. */
const DELAY_SHARE = 0.1;

/** The expected cost of a candidate: its price and all surcharges. */
export function expectedCost({ price, time, failure, standing }: Terms): number {
  return price + time + failure + standing;
}

/**
 * Moves the provider that holds the beginning of the conversation to the front, unless it is expected to cost more than
 * the first one although its cached tokens may be cheaper.
 */
export function holderFirst(
  ranked: readonly Candidate[],
  wanted: Wanted,
  held: { readonly peer: string; readonly bytes: number } | null,
): readonly Candidate[] {
  const [first] = ranked;
  const holder = ranked.find(({ peer }) => peer === held?.peer);
  if (first === undefined || holder === undefined || held === null || holder.terms?.isFull) return ranked;
  const { inputTokens: input, outputTokens: output } = wanted;
  // The input is counted by its bytes too, as the most that it can be.
  const cached = Math.min(held.bytes, input);
  const holders = Number(charge(holder.model.price, { input, cached, output })) + surcharge(holder);
  if (holders > Number(charge(first.model.price, { input, output })) + surcharge(first)) return ranked;
  return [holder, ...ranked.filter((each) => each !== holder)];
}

function surcharge({ terms }: Candidate): number {
  return terms === undefined ? 0 : expectedCost(terms) - terms.price;
}

export interface Knowledge {
  readonly knownOf: KnownOf;
  /** From 0 to 1, exclusive: decides among equals. */
  readonly random: () => number;
}

/** Providers with less standing are strangers. */
export const STRANGER_STANDING_MAX = 0.05;
/**
 * A lower cost of a stranger than this part of the market has counts as the one that this part has, and its announced speed
 * as the usual one: both cost nothing to announce, and a thousand peers of one owner would otherwise always come first.
 * Half, so that a ring of a quarter of the peers is no majority of those among whom chance decides.
 */
const BELIEVED_SHARE = 0.5;
/** In a smaller market the cheapest one is tried first. */
const BELIEVED_FROM = 8;

/**
 * Returns the providers that sell the model with enough context, best first. Without knowledge the order is by price, then
 * by announced speed.
 */
export function rank(
  providers: readonly Provider[],
  wanted: Wanted,
  accepts: (offer: Offer, model: OfferedModel) => boolean,
  knowledge: Knowledge | null = null,
): readonly Candidate[] {
  const weighed = selling(providers, wanted, accepts).map((candidate) =>
    weigh(candidate, wanted, knowledge?.knownOf(candidate.peer, candidate.model.sha256) ?? null),
  );
  const measured = weighed.flatMap(({ measuredMs }) => (measuredMs === null ? [] : [measuredMs]));
  const fastestMs = measured.length === 0 ? null : Math.min(...measured);
  const usualMs = quantileOf(measured, 0.5);
  const share = weighed.length < BELIEVED_FROM ? 0 : BELIEVED_SHARE;
  const believedMs = quantileOf(
    weighed.map(({ announcedMs }) => announcedMs),
    share,
  );
  const timed = weighed.map(({ candidate, terms, measuredMs, announcedMs, isStranger, badRate }) => {
    const claimedMs = isStranger && share > 0 ? believedMs : announcedMs;
    // A claim never counts as faster than the usual measured provider.
    const durationMs = measuredMs ?? Math.max(claimedMs, usualMs);
    const late = fastestMs === null || durationMs <= 0 ? 0 : Math.max(0, 1 - fastestMs / durationMs);
    const complete: Terms = { ...terms, time: terms.price * TIME_SHARE * late };
    const cost = expectedCost(complete);
    return { candidate: { ...candidate, terms: complete }, cost, durationMs, isStranger, badRate };
  });
  const believedCost = quantileOf(
    timed.map(({ cost }) => cost),
    share,
  );
  return timed
    .map((each) => ({
      ...each,
      cost: each.isStranger ? Math.max(each.cost, believedCost) * (1 + each.badRate) : each.cost,
      order: knowledge?.random() ?? 0,
    }))
    .sort(
      (a, b) =>
        Number(a.candidate.terms.isFull) - Number(b.candidate.terms.isFull) ||
        compare(a.cost, b.cost) ||
        compare(a.durationMs, b.durationMs) ||
        compare(a.order, b.order),
    )
    .map(({ candidate }) => candidate);
}

function selling(
  providers: readonly Provider[],
  wanted: Wanted,
  accepts: (offer: Offer, model: OfferedModel) => boolean,
): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const { peer, offer } of providers) {
    const model = offer.models.find(({ id }) => id === wanted.modelId);
    if (!model || wanted.outputTokens >= model.contextTokens || !accepts(offer, model)) continue;
    if (wanted.sha256 && wanted.sha256 !== model.sha256) continue;
    candidates.push({ peer, offer, model });
  }
  return candidates;
}

interface Weighed {
  readonly candidate: Candidate;
  /** Without the surcharge for time, which needs the others. */
  readonly terms: Terms;
  /** Duration of the answer by own measurements; null without any. */
  readonly measuredMs: number | null;
  /** The same by the offer; infinite for a provider that wasn't measured. */
  readonly announcedMs: number;
  readonly isStranger: boolean;
  /** Failure rate of a stranger that has failed here; 0 for any other one: those come before it. */
  readonly badRate: number;
}

function weigh(candidate: Candidate, wanted: Wanted, known: Known | null): Weighed {
  const { model, offer } = candidate;
  const { inputTokens: input, outputTokens: output } = wanted;
  const price = Number(charge(model.price, { input, output }));
  const announcedMs = expectedMs(model, wanted) + (known?.roundTripMs ?? 0);
  if (known === null) {
    const terms = { ...NO_SURCHARGE, price };
    return { candidate, announcedMs, measuredMs: null, terms, isStranger: false, badRate: 0 };
  }
  const readAgain = Number(charge(model.price, { input, output: 0 }));
  const { firstTokenMs, tokensPerSecond } = known;
  const tokens = output || OUTPUT_TOKENS;
  const isMeasured = firstTokenMs !== null && tokensPerSecond !== null && tokensPerSecond > 0;
  return {
    candidate,
    announcedMs,
    isStranger: known.standing < STRANGER_STANDING_MAX,
    badRate: known.seen > 0 ? known.failureRate : 0,
    measuredMs: isMeasured ? firstTokenMs.mean + (tokens * 1_000) / tokensPerSecond : null,
    terms: {
      price,
      time: 0,
      failure: known.failureRate * (readAgain + price * DELAY_SHARE),
      standing: price * STANDING_SHARE * (1 - known.standing),
      isFull: known.isBusy || (offer.slots > 0 && known.inProgress >= offer.slots),
    },
  };
}

const NO_SURCHARGE: Omit<Terms, 'price'> = { time: 0, failure: 0, standing: 0, isFull: false };

/** Tokens of an answer whose limit isn't known. */
const OUTPUT_TOKENS = 256;

/** Time to load the model, if it has to be loaded first, and to answer. Infinite for a provider that wasn't measured. */
function expectedMs(model: OfferedModel, { outputTokens }: Wanted): number {
  const { loadMs = 0, decodeTokensPerSecond } = model;
  const tokens = outputTokens || OUTPUT_TOKENS;
  return (
    loadMs +
    (decodeTokensPerSecond === null ? Number.POSITIVE_INFINITY : (tokens * 1_000) / decodeTokensPerSecond)
  );
}

/** The lower one of the two nearest values; 0 of none. */
function quantileOf(values: readonly number[], part: number): number {
  return [...values].sort(compare)[Math.floor((values.length - 1) * part)] ?? 0;
}

function compare(left: number, right: number): number {
  return left === right ? 0 : left - right;
}

/** Part of a sample that isn't random. */
const KEPT_SHARE = 0.75;

/**
 * Returns at most `sizeMax` providers: those for which `isKept` is true, and a random part of the others, so that the
 * work for one request stays the same in a market of any size, and not all buyers choose the same provider.
 */
export function sample<P>(
  providers: readonly P[],
  sizeMax: number,
  isKept: (provider: P) => boolean,
  random: () => number,
): readonly P[] {
  if (providers.length <= sizeMax) return providers;
  const known = providers.filter(isKept);
  const others = providers.filter((each) => !isKept(each));
  const drawn = Math.min(others.length, sizeMax - Math.min(known.length, Math.ceil(sizeMax * KEPT_SHARE)));
  const kept = known.slice(0, sizeMax - drawn);
  for (let index = 0; index < drawn; index += 1) {
    const other = index + Math.floor(random() * (others.length - index));
    const [left, right] = [others[index], others[other]];
    if (left === undefined || right === undefined) break;
    others[index] = right;
    others[other] = left;
  }
  return [...kept, ...others.slice(0, drawn)];
}
