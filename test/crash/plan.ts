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

export const SIDES = ['provider', 'requester'] as const;
/** One of the two agents, each with its own database and clock. */
export type Side = (typeof SIDES)[number];

export const FAULTS = ['disk-full', 'log-lost', 'clock-jump', 'suspended'] as const;

/** A failure in addition to the kill. */
export type Fault =
  /** The disk is full from the moment on. The agent is started on the full disk once before there is room again. */
  | { readonly kind: 'disk-full'; readonly heldMs: number }
  /** After the kill, a database’s write-ahead log is gone, or its end is. */
  | { readonly kind: 'log-lost'; readonly side: Side; readonly how: 'deleted' | 'cut' }
  /** Processes are stopped at the moment, as by a laptop’s lid, and resume before the kill. */
  | { readonly kind: 'suspended'; readonly target: Target; readonly heldMs: number }
  /** Clocks jump at the moment, and back after the kill or after the recovery. */
  | {
      readonly kind: 'clock-jump';
      readonly sides: readonly Side[];
      readonly jumpMs: number;
      readonly isBackBeforeRecovery: boolean;
    };

export interface Kill {
  /** Counts from 1. */
  readonly number: number;
  readonly target: Target;
  readonly moment: Moment;
  readonly delayMs: number;
  /** Maximum tokens of each stream that runs meanwhile. */
  readonly streams: readonly number[];
  readonly fault: Fault | null;
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

const HOUR_MS = 3_600_000;
const JUMPS_MS = [HOUR_MS, 24 * HOUR_MS, 365 * 24 * HOUR_MS] as const;
const FULL_MS_MAX = 3_000;
const SUSPENDED_MS_MAX = 10_000;

/** Returns the kill with this number; it depends only on the arguments. `withFaults`: every second one has a fault. */
export function planKill(seed: number, number: number, withFaults = false): Kill {
  const random = seededRandom(seed * 100_003 + number);
  const below = (limit: number): number => Math.floor(random() * limit);
  const target = TARGETS[below(TARGETS.length)] ?? 'agent';
  const moment = drawMoment(target, below);
  const streams = Array.from({ length: 1 + below(STREAMS_MAX) }, () => 20 + below(400));
  if (moment.kind === 'deposit') streams[0] = DEPOSIT_TOKENS;
  const delayMs = below(DELAY_MS_MAX[moment.kind] + 1);
  const fault = withFaults && number % 2 === 0 ? drawFault(target, below) : null;
  return { number, target, moment, delayMs, streams, fault };
}

/** A log is lost only while nothing runs, so only after a kill of everything. */
function drawFault(target: Target, below: (limit: number) => number): Fault {
  const side = SIDES[below(SIDES.length)] ?? 'provider';
  if (target === 'machine') return { kind: 'log-lost', side, how: below(2) === 0 ? 'deleted' : 'cut' };
  const drawn = below(3);
  if (drawn === 0) return { kind: 'disk-full', heldMs: below(FULL_MS_MAX) };
  if (drawn === 1) {
    const suspended = TARGETS[below(TARGETS.length)] ?? 'machine';
    return { kind: 'suspended', target: suspended, heldMs: below(SUSPENDED_MS_MAX) };
  }
  const sides = below(2) === 0 ? SIDES : [side];
  const size = JUMPS_MS[below(JUMPS_MS.length)] ?? HOUR_MS;
  return {
    kind: 'clock-jump',
    sides,
    jumpMs: below(2) === 0 ? size : -size,
    // With clocks that differ by a day or more, nothing can be bought.
    isBackBeforeRecovery: (sides.length < SIDES.length && size > HOUR_MS) || below(2) === 0,
  };
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
export function describe({ number, target, moment, delayMs, streams, fault }: Kill): string {
  const when = moment.kind === 'token' ? `token ${moment.count}` : moment.kind;
  const also = fault === null ? '' : `, ${describeFault(fault)}`;
  return `kill ${number}: ${target} ${delayMs} ms after ${when}, ${streams.length} streams${also}`;
}

function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'disk-full':
      return `disk full for ${fault.heldMs} ms`;
    case 'suspended':
      return `${fault.target} suspended for ${fault.heldMs} ms`;
    case 'log-lost':
      return `log of the ${fault.side} ${fault.how}`;
    case 'clock-jump': {
      const until = fault.isBackBeforeRecovery ? 'until the recovery' : 'until after the recovery';
      return `clock of ${fault.sides.join(' and ')} ${fault.jumpMs / HOUR_MS} h off ${until}`;
    }
  }
}

/** Mulberry32: small, sufficiently uniform, and identical on every platform. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
