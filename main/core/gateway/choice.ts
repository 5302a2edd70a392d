/** Ranks the providers for a request: the cheapest first, then the one whose answer ends first. */
import type { Offer, OfferedModel } from '../../../shared/offer.ts';
import { charge } from '../../../shared/price.ts';
import type { Provider } from '../network/index.ts';

export interface Candidate {
  readonly peer: string;
  readonly offer: Offer;
  readonly model: OfferedModel;
}

export interface Wanted {
  readonly modelId: string;
  /** Exactly this file, if an answer of it has begun; null accepts any file of that name. */
  readonly sha256?: string | null;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/**
 * Moves the provider that holds the beginning of the conversation to the front, unless it costs more than the first one
 * although its cached tokens may be cheaper.
 */
export function holderFirst(
  ranked: readonly Candidate[],
  wanted: Wanted,
  held: { readonly peer: string; readonly bytes: number } | null,
): readonly Candidate[] {
  const [first] = ranked;
  const holder = ranked.find(({ peer }) => peer === held?.peer);
  if (first === undefined || holder === undefined || held === null) return ranked;
  const { inputTokens: input, outputTokens: output } = wanted;
  // The input is counted by its bytes too, as the most that it can be.
  const cached = Math.min(held.bytes, input);
  if (charge(holder.model.price, { input, cached, output }) > charge(first.model.price, { input, output }))
    return ranked;
  return [holder, ...ranked.filter((each) => each !== holder)];
}

/** Returns the providers that sell the model with enough context, best first. */
export function rank(
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
  const cost = ({ model }: Candidate) =>
    charge(model.price, { input: wanted.inputTokens, output: wanted.outputTokens });
  const duration = ({ model }: Candidate) => expectedMs(model, wanted);
  return candidates.sort((a, b) => Number(cost(a) - cost(b)) || compare(duration(a), duration(b)));
}

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

function compare(left: number, right: number): number {
  return left === right ? 0 : left - right;
}
