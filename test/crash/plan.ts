/**
 * Draws targets and times of the kills from a seed: the same seed gives the same choices. Which process dies, at
 * which event and after which delay is repeatable; the machine's exact state in that microsecond is not.
 */

/** `machine`: all processes together, as in a power failure. */
export const TARGETS = ['agent', 'requester', 'engine', 'chain', 'machine'] as const;
export type Target = (typeof TARGETS)[number];

/** An event that is visible from outside; the kill follows after a delay. */
export type Moment =
  /** The first stream has delivered this many pieces. */
  | { readonly kind: 'token'; readonly count: number }
  /** The first stream has ended: charge, receipt and both ledger entries happen around this time. */
  | { readonly kind: 'answer' }
  /** A request was sent that exceeds every channel's balance: a deposit is made and relayed. */
  | { readonly kind: 'deposit' }
  /** Claim and payout were requested. */
  | { readonly kind: 'claim' }
  /** The agent was killed, is being started again, and is killed in the middle of its recovery. */
  | { readonly kind: 'start' };

export interface Kill {
  /** Counts from 1. */
  readonly number: number;
  readonly target: Target;
  readonly moment: Moment;
  readonly delayMs: number;
  /** Maximum tokens of each stream that runs meanwhile. */
  readonly streams: readonly number[];
}

/** Maximum concurrent streams; low, so that each channel is used again. */
export const STREAMS_MAX = 4;
/** At the run's price, a request of this many tokens costs up to nearly the maximum balance of a channel. */
export const DEPOSIT_TOKENS = 1_900;

const DELAY_MS_MAX: Readonly<Record<Moment['kind'], number>> = {
  token: 5,
  answer: 30,
  deposit: 250,
  claim: 150,
  start: 2_500,
};

/** Returns the kill with this number; it depends only on the seed and the number. */
export function planKill(seed: number, number: number): Kill {
  const random = seededRandom(seed * 100_003 + number);
  const below = (limit: number): number => Math.floor(random() * limit);
  const target = TARGETS[below(TARGETS.length)] ?? 'agent';
  const moment = drawMoment(target, below);
  const streams = Array.from({ length: 1 + below(STREAMS_MAX) }, () => 20 + below(400));
  if (moment.kind === 'deposit') streams[0] = DEPOSIT_TOKENS;
  return { number, target, moment, delayMs: below(DELAY_MS_MAX[moment.kind] + 1), streams };
}

function drawMoment(target: Target, below: (limit: number) => number): Moment {
  const mayStart = target === 'agent' || target === 'machine';
  const drawn = below(mayStart ? 9 : 8);
  if (drawn < 3) return { kind: 'token', count: 1 + below(60) };
  if (drawn < 4) return { kind: 'answer' };
  if (drawn < 6) return { kind: 'deposit' };
  if (drawn < 8) return { kind: 'claim' };
  return { kind: 'start' };
}

/** One line, for people to read. */
export function describe({ number, target, moment, delayMs, streams }: Kill): string {
  const when = moment.kind === 'token' ? `token ${moment.count}` : moment.kind;
  return `kill ${number}: ${target} ${delayMs} ms after ${when}, ${streams.length} streams`;
}

/** Mulberry32: small, sufficiently uniform, and identical on every platform. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
