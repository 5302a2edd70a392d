/** Explains the choice of each provider in a ranked list. Pure. */
import type { ChoiceNote, ChoiceReason } from '../../../shared/choice-note.ts';
import { type Candidate, expectedCost, type Terms } from './choice.ts';

/** Returns the candidates in the same order, each with the reason why it is chosen when its turn comes. */
export function explained(
  ranked: readonly Candidate[],
  circumstances: {
    /** The one that has the beginning of the conversation. */
    readonly holder: string | null;
    readonly hasFailed: (peer: string) => boolean;
  },
): readonly Candidate[] {
  return ranked.map((candidate, index) => {
    if (candidate.terms === undefined) return candidate;
    const reason = index === 0 ? reasonOf(candidate, candidate.terms, ranked, circumstances) : 'next';
    return { ...candidate, why: noteOf(candidate.terms, reason, ranked.length) };
  });
}

function noteOf({ price, time, failure, standing }: Terms, reason: ChoiceReason, of: number): ChoiceNote {
  return { reason, of, price, time, failure, standing };
}

function reasonOf(
  chosen: Candidate,
  terms: Terms,
  ranked: readonly Candidate[],
  { holder, hasFailed }: Parameters<typeof explained>[1],
): ChoiceReason {
  if (ranked.length === 1) return 'only';
  const others = ranked.flatMap((each) =>
    each === chosen || each.terms === undefined ? [] : [{ peer: each.peer, terms: each.terms }],
  );
  if (holder === chosen.peer && others.some((other) => expectedCost(other.terms) <= expectedCost(terms)))
    return 'holder';
  const rival = others.reduce<(typeof others)[number] | null>(
    (least, each) => (least === null || each.terms.price < least.terms.price ? each : least),
    null,
  );
  if (rival === null || terms.price < rival.terms.price) return 'cheapest';
  if (hasFailed(rival.peer)) return 'reliable';
  if (rival.terms.isFull && !terms.isFull) return 'free';
  const saved = rival.terms.failure + rival.terms.standing - terms.failure - terms.standing;
  return saved > rival.terms.time - terms.time ? 'reliable' : 'faster';
}
