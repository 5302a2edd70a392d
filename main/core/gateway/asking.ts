/** Asks one provider, and a second one if the first token is late; the one that isn't needed is canceled and paid. */
import { AppError } from '../../../shared/errors.ts';
import type { RunningAttempt, StartedResponse } from './attempt.ts';
import type { Candidate } from './choice.ts';
import type { SearchRequest } from './provider-search.ts';
import { createHedgeShare } from './watchdog.ts';

export interface Failure {
  readonly candidate: Candidate;
  readonly error: unknown;
}

export interface Asking {
  /** Counts a request, so that only a part of them gets a second provider. */
  counted(): void;
  /** Resolves to the answer that has begun, or to all failures. A second provider is taken out of the queue. */
  ask(
    candidate: Candidate,
    request: SearchRequest,
    queue: Candidate[],
  ): Promise<StartedResponse | readonly Failure[]>;
}

export interface AskingParts {
  readonly open: (candidate: Candidate, request: SearchRequest) => RunningAttempt;
  /** Makes the gateway wait for this before it ends. */
  readonly track: <T>(done: Promise<T>) => Promise<T>;
  readonly isTrusted: (peer: string) => boolean;
}

export function createAsking({ open, track, isTrusted }: AskingParts): Asking {
  const hedges = createHedgeShare();

  /** Ends an attempt that isn't needed any more; it is paid for what it did. */
  function cancel(attempt: RunningAttempt): void {
    attempt.cancel();
    const leave = async () => {
      const begun = await attempt.started.catch(() => null);
      await begun?.purchase.conclude(replaced());
    };
    void track(leave());
  }

  async function firstOf(attempts: readonly RunningAttempt[]): Promise<StartedResponse | readonly Failure[]> {
    const failures: Failure[] = [];
    const ends = attempts.map(async (attempt) => {
      try {
        return { attempt, begun: await attempt.started };
      } catch (error) {
        failures.push({ candidate: attempt.candidate, error });
        throw error;
      }
    });
    try {
      const winner = await Promise.any(ends);
      for (const attempt of attempts) if (attempt !== winner.attempt) cancel(attempt);
      return winner.begun;
    } catch {
      return failures;
    }
  }

  return {
    counted: hedges.counted,
    async ask(candidate, request, queue) {
      const first = open(candidate, request);
      const { hedge } = request;
      if (hedge === null || !(await first.isLate)) return firstOf([first]);
      const second = hedge.take() && hedges.take() ? takeSecond(queue, candidate, isTrusted) : null;
      return firstOf(second === null ? [first] : [first, open(asLate(second), request)]);
    },
  };
}

export function isBegun(result: StartedResponse | readonly Failure[]): result is StartedResponse {
  return 'purchase' in result;
}

/**
 * Takes the second provider of a request out of the queue: one that is free, and proven unless the first one is, because a
 * request pays at most one provider without valid receipts. Null if there is none.
 */
function takeSecond(
  queue: Candidate[],
  { peer: first }: Candidate,
  isTrusted: (peer: string) => boolean,
): Candidate | null {
  const mayBeNew = isTrusted(first);
  const index = queue.findIndex(
    ({ peer, terms }) => peer !== first && !terms?.isFull && (mayBeNew || isTrusted(peer)),
  );
  return index < 0 ? null : (queue.splice(index, 1)[0] ?? null);
}

function asLate({ why, ...candidate }: Candidate): Candidate {
  return why === undefined ? candidate : { ...candidate, why: { ...why, reason: 'late' } };
}

/** The cause for a purchase whose answer another provider gives. */
export function replaced(): AppError {
  return new AppError('aborted', 'Another provider answers this request.');
}
