/**
 * Lends sequences to answers, and keeps the computed tokens of each afterwards, so that a prompt that begins with them
 * is computed only from where it differs. How fast an answer begins reveals that its beginning had been computed.
 * Therefore tokens are reused only for the requester that they were computed for, with one exception: the beginning that
 * the chat template itself writes, which is the same for everyone.
 */
import { forceUnwrap } from '../../../shared/assert.ts';

/** The part of the library's sequence that the pool uses. */
export interface PooledSequence {
  /** Tokens whose state is computed. */
  readonly contextTokens: readonly number[];
  /** True for models whose state can't be cut at any place. */
  readonly needsCheckpoints: boolean;
  eraseContextTokenRanges(ranges: { start: number; end: number }[]): Promise<void>;
  clearHistory(): Promise<void>;
}

/** A sequence that is lent to one answer. */
export interface Lent<S extends PooledSequence> {
  /** The library's ID of the sequence. */
  readonly id: number;
  readonly sequence: S;
  /** Number of the prompt's first tokens that are computed already; always less than all of them. */
  readonly cachedTokens: number;
  /** Erases everything after the cached tokens; to be called before computing. */
  prepare(): Promise<void>;
  /** Gives the sequence back. `isSound` is false after a failure, when its state is unknown. */
  release(isSound: boolean): Promise<void>;
}

/** A beginning of this many tokens beyond the public ones is worth giving up what else its sequence holds; */
const OWN_TOKENS_MIN = 32;
/** so is a shorter one, if it is this part of the prompt without the public ones. */
const OWN_SHARE_MIN = 0.5;
/**
 * The library computes only neighboring sequences together: a sequence apart from the running ones costs one more pass over
 * the weights in each step. Beyond the public ones, computing this many tokens again takes as long as those passes do
 * during an answer of usual length; fewer are given up for a place next to the running ones.
 */
const APART_TOKENS_MIN = 256;

export interface SequencePool<S extends PooledSequence> {
  /**
   * Lends a free sequence. `requester` is the key within which computed tokens are reused; null reuses only public ones.
   * The caller never takes more than there are.
   */
  lend(prompt: readonly number[], requester: string | null): Lent<S>;
}

interface Slot<S> {
  readonly id: number;
  readonly sequence: S;
  isFree: boolean;
  /** The requester that the tokens were computed for; null if nobody can reuse them, except for the public ones. */
  requester: string | null;
  /** Number of the loan. */
  usedAt: number;
}

/** `publicPrefixes` are the beginnings that the template writes regardless of the messages. */
export function createSequencePool<S extends PooledSequence>(
  sequences: readonly S[],
  publicPrefixes: readonly (readonly number[])[],
): SequencePool<S> {
  const slots = sequences.map(
    (sequence, id): Slot<S> => ({ id, sequence, isFree: true, requester: null, usedAt: 0 }),
  );
  let loans = 0;

  return {
    lend(prompt, requester) {
      const publicTokens = Math.max(0, ...publicPrefixes.map((prefix) => commonLength(prefix, prompt)));
      const isRunning = (id: number) => slots[id]?.isFree === false;
      const free = slots.filter(({ isFree }) => isFree);
      const candidates = free.map((slot) => ({
        slot,
        ...match(slot, { prompt, requester, publicTokens }),
        neighbors: [slot.id - 1, slot.id + 1].filter(isRunning).length,
      }));
      const [best] = candidates.sort(byPreference);
      const { slot, cachedTokens } = forceUnwrap('there are no more requests than sequences', best);
      slot.isFree = false;
      slot.requester = requester;
      loans += 1;
      slot.usedAt = loans;
      const { id, sequence } = slot;
      return {
        ...{ id, sequence, cachedTokens },
        async prepare() {
          const length = sequence.contextTokens.length;
          if (cachedTokens === 0) await sequence.clearHistory();
          else if (cachedTokens < length)
            await sequence.eraseContextTokenRanges([{ start: cachedTokens, end: length }]);
        },
        async release(isSound) {
          try {
            if (!isSound) await sequence.clearHistory();
          } finally {
            slot.isFree = true;
          }
        },
      };
    },
  };
}

interface Wanted {
  readonly prompt: readonly number[];
  readonly requester: string | null;
  readonly publicTokens: number;
}

interface Match {
  readonly cachedTokens: number;
  /** True if the prompt continues what the slot holds, or has a long beginning in common with it. */
  readonly isOwn: boolean;
  /** True if the slot holds tokens that its requester may want again. */
  readonly isKept: boolean;
  /** Tokens beyond the public ones that are reused, if `isOwn`. */
  readonly ownTokens: number;
  /** Tokens beyond the public ones that the slot's requester may want again and that aren't reused. */
  readonly lostTokens: number;
}

function match<S extends PooledSequence>(
  { sequence, requester: holder }: Slot<S>,
  { prompt, requester, publicTokens }: Wanted,
): Match {
  const held = sequence.contextTokens;
  const isHolder = requester !== null && holder === requester;
  const allowed = isHolder ? prompt.length : publicTokens;
  // At least one token is left to compute, from which the first one of the answer follows.
  const common = Math.min(commonLength(held, prompt), allowed, prompt.length - 1);
  const cachedTokens = sequence.needsCheckpoints && common < held.length ? 0 : Math.max(0, common);
  const own = isHolder ? cachedTokens - publicTokens : 0;
  const ownMin = Math.min(OWN_TOKENS_MIN, (prompt.length - publicTokens) * OWN_SHARE_MIN);
  const isOwn = own > 0 && (own >= ownMin || cachedTokens === held.length);
  const isKept = holder !== null && held.length > publicTokens;
  return {
    ...{ cachedTokens, isOwn, isKept },
    ownTokens: isOwn ? own : 0,
    lostTokens: isKept ? held.length - Math.max(cachedTokens, publicTokens) : 0,
  };
}

/** `neighbors` is the number of running sequences next to the slot. */
type Candidate = Match & { readonly slot: Slot<unknown>; readonly neighbors: number };

/**
 * The longest own beginning first, if it is worth a place apart; then a place next to running sequences, without giving
 * up as much for it; then any own beginning. Otherwise a slot without anything to keep, then the least recently used one;
 * the lowest ID of equal ones, so that the next ones find a place next to it.
 */
function byPreference(a: Candidate, b: Candidate): number {
  const long = ({ ownTokens }: Candidate) => (ownTokens >= APART_TOKENS_MIN ? ownTokens : 0);
  if (long(a) !== long(b)) return long(b) - long(a);
  const beside = ({ lostTokens, neighbors }: Candidate) => (lostTokens < APART_TOKENS_MIN ? neighbors : 0);
  if (beside(a) !== beside(b)) return beside(b) - beside(a);
  if (a.ownTokens !== b.ownTokens) return b.ownTokens - a.ownTokens;
  if (a.isKept !== b.isKept) return a.isKept ? 1 : -1;
  if (a.isKept) return a.slot.usedAt - b.slot.usedAt;
  return b.cachedTokens - a.cachedTokens || a.slot.id - b.slot.id;
}

/** Returns the number of equal tokens at the beginning of both. */
export function commonLength(a: readonly number[], b: readonly number[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return index;
  return length;
}
