/** React hooks for calls to the agent: queries and actions with their result, progress and error. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { decodeApiError } from '../shared/api/errors.ts';
import type { ErrorCode } from '../shared/errors.ts';
import { NotConnected } from './connection.ts';
import { useConnection } from './store.ts';

/** A failed call as a page shows it. `unreachable` comes from the page itself: it has no connection to the agent. */
export interface Problem {
  readonly code: ErrorCode | 'unreachable' | 'unexpected';
  /** The agent's message, shown as details; never contains a prompt, an answer or a key. */
  readonly message: string;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof NotConnected) return { code: 'unreachable', message: error.message };
  const failure = decodeApiError(error);
  if (failure !== null) return { code: failure.code ?? 'unexpected', message: failure.message };
  return { code: 'unreachable', message: error instanceof Error ? error.message : String(error) };
}

export interface Answer<T> {
  /** The latest answer, kept while a newer one is being fetched; null before the first. */
  readonly data: T | null;
  readonly problem: Problem | null;
  readonly reload: () => void;
}

/** Queries the agent when the component mounts, when `key` changes and after every reconnection. */
export function useAnswer<T>(key: string, ask: () => Promise<T>): Answer<T> {
  const { status } = useConnection();
  const [answer, setAnswer] = useState<{ data: T | null; problem: Problem | null }>({
    data: null,
    problem: null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;

  // Dependencies: a change of `key` or `turn` repeats the query
  useEffect(() => {
    if (status !== 'live') return;
    let wanted = true;
    latest.current().then(
      (data) => wanted && setAnswer({ data, problem: null }),
      (error: unknown) => wanted && setAnswer((before) => ({ data: before.data, problem: problemOf(error) })),
    );
    return () => {
      wanted = false;
    };
  }, [key, turn, status]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  return { ...answer, reload };
}

/** One call that changes state. */
export interface Action<I, O> {
  readonly run: (input: I) => void;
  readonly busy: boolean;
  readonly result: O | null;
  readonly problem: Problem | null;
}

/** Wraps a call that changes state; ignores further runs while one is in progress. */
export function useAction<I, O>(act: (input: I) => Promise<O>): Action<I, O> {
  const [status, setStatus] = useState<{ busy: boolean; result: O | null; problem: Problem | null }>({
    busy: false,
    result: null,
    problem: null,
  });
  const run = (input: I) => {
    if (status.busy) return;
    setStatus({ busy: true, result: null, problem: null });
    act(input).then(
      (result) => setStatus({ busy: false, result, problem: null }),
      (error: unknown) => setStatus({ busy: false, result: null, problem: problemOf(error) }),
    );
  };
  return { run, ...status };
}

/**
 * Wraps changes of settings: each waits for those before it, so that none is lost. The same one again is ignored meanwhile: a
 * field reports it on Enter and when it loses the focus. A problem is shown until the next change after all have ended.
 */
export function useChanges<I, O>(act: (input: I) => Promise<O>): Action<I, O> {
  const [status, setStatus] = useState<Omit<Action<I, O>, 'run'>>({
    busy: false,
    result: null,
    problem: null,
  });
  const open = useRef(0);
  const last = useRef<{ input: string; ended: Promise<unknown> }>({ input: '', ended: Promise.resolve() });
  const end = (result: O | null, problem: Problem | null) => {
    open.current -= 1;
    const busy = open.current > 0;
    setStatus((before) => {
      const shown = problem ?? before.problem;
      return { busy, result: busy || shown !== null ? null : result, problem: shown };
    });
  };
  const run = (input: I) => {
    const isFirst = open.current === 0;
    const written = JSON.stringify(input);
    if (!isFirst && written === last.current.input) return;
    open.current += 1;
    setStatus((before) => ({ busy: true, result: null, problem: isFirst ? null : before.problem }));
    const ended = last.current.ended
      .then(() => act(input))
      .then(
        (result) => end(result, null),
        (error: unknown) => end(null, problemOf(error)),
      );
    last.current = { input: written, ended };
  };
  return { run, ...status };
}
