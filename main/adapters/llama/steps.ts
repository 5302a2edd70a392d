/**
 * Computes in common steps: a step begins when every running answer is ready for it, so that each has its token in the
 * same batch. Without this barrier the library starts a batch as soon as anything is queued, and the answer that was sampled
 * last always misses it. Prompts ride along in parts, so that no long prompt holds up the others for more than one part.
 */
import type { Duty } from './duty.ts';

/** The steps of one engine. */
export interface Steps {
  /** Makes every further step wait for this sequence, until it leaves. `sequence` is its ID, by which a step is ordered. */
  enter(sequence: number): Turns;
}

/** Chooses the threads of each step. */
export interface StepThreads {
  /** Called before a step computes; the returned function is called after it. */
  begin(step: { readonly answers: number; readonly promptTokens: number }): () => void;
}

/** One answer's part in the steps. */
export interface Turns {
  /**
   * Computes up to `tokens` tokens in the next step; `compute` receives how many. A generated token costs one; a prompt
   * may be given fewer than it wants, at least one. Returns null if the signal aborts before the step begins.
   */
  take<T>(tokens: number, compute: (granted: number) => Promise<T>, signal: AbortSignal): Promise<T | null>;
  /** Lets the steps begin without this answer. May be called again. */
  leave(): void;
}

interface Waiting {
  readonly tokens: number;
  /** Starts computing; never rejects. */
  readonly run: (granted: number) => Promise<void>;
}

interface Member {
  readonly sequence: number;
  /** Null while the member computes, or works with the result of its last step. */
  waiting: Waiting | null;
}

const NEVER = new AbortController().signal;

/** `promptTokensMax` limits the prompt tokens in one step, over all prompts together. */
export function createSteps(duty: Duty, promptTokensMax: number, threads: StepThreads | null = null): Steps {
  const members = new Set<Member>();
  let isScheduled = false;

  const isComplete = () => members.size > 0 && [...members].every(({ waiting }) => waiting !== null);

  function check(): void {
    if (isScheduled || !isComplete()) return;
    isScheduled = true;
    // In a turn of its own: the library looks for further work right after a step, and would begin with a part of it.
    setImmediate(() => void begin());
  }

  async function begin(): Promise<void> {
    await duty.turn(NEVER);
    isScheduled = false;
    // Another answer may have entered during the rest; it continues the check.
    if (!isComplete()) return;
    await duty.busy(compute);
  }

  /** Starts all computations in one turn and in the order of their sequences, which the library needs for one batch. */
  async function compute(): Promise<void> {
    const waiting = [...members].map((member) => ({ member, tokens: member.waiting?.tokens ?? 0 }));
    const grants = grantTokens(
      waiting.map(({ tokens }) => tokens),
      promptTokensMax,
    );
    const granted = waiting
      .map(({ member, tokens }, index) => ({ member, wanted: tokens, tokens: grants[index] ?? 0 }))
      .filter(({ tokens }) => tokens > 0)
      .sort((a, b) => a.member.sequence - b.member.sequence);
    const prompts = granted.filter(({ wanted }) => wanted > 1);
    const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens, 0);
    const end = threads?.begin({ answers: granted.length - prompts.length, promptTokens });
    const running = granted.flatMap(({ member, tokens }) => {
      const { waiting: next } = member;
      member.waiting = null;
      return next ? [next.run(tokens)] : [];
    });
    await Promise.all(running);
    end?.();
  }

  return {
    enter(sequence) {
      const member: Member = { sequence, waiting: null };
      members.add(member);
      return {
        take: (tokens, compute, signal) => take(member, { tokens, compute, signal }, check),
        leave() {
          members.delete(member);
          check();
        },
      };
    },
  };
}

interface Turn<T> {
  readonly tokens: number;
  readonly compute: (granted: number) => Promise<T>;
  readonly signal: AbortSignal;
}

function take<T>(member: Member, { tokens, compute, signal }: Turn<T>, check: () => void): Promise<T | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // Once it computes, the result is awaited.
      if (member.waiting !== waiting) return;
      member.waiting = null;
      resolve(null);
    };
    const waiting: Waiting = {
      tokens,
      run(granted) {
        signal.removeEventListener('abort', onAbort);
        return compute(granted).then(resolve, reject);
      },
    };
    member.waiting = waiting;
    signal.addEventListener('abort', onAbort, { once: true });
    check();
  });
}

/**
 * Divides one step: an answer that wants one token gets it; prompts share the limit equally, and what a short one leaves
 * goes to the longer ones. Thus a short prompt doesn't wait for a long one, and a long one never starves.
 */
export function grantTokens(wanted: readonly number[], promptTokensMax: number): readonly number[] {
  const grants = wanted.map((tokens): number => (tokens === 1 ? 1 : 0));
  const prompts = [...wanted.keys()].filter((index) => (wanted[index] ?? 0) > 1);
  prompts.sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  let left = promptTokensMax;
  for (const [place, index] of prompts.entries()) {
    const share = Math.max(1, Math.floor(left / (prompts.length - place)));
    const granted = Math.min(wanted[index] ?? 0, share, left);
    grants[index] = granted;
    left -= granted;
  }
  return grants;
}
