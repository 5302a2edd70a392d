/** Asking and telling the agent from a page: what came back, what is under way, what went wrong. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { decodeApiError } from '../shared/api/errors.ts';
import type { ErrorCode } from '../shared/errors.ts';
import { NotConnected } from './connection.ts';
import { useLink } from './store.ts';

/** What a page can say about a failure. `unreachable` is the page's own: there is no line to the agent. */
export interface Problem {
  readonly code: ErrorCode | 'unreachable' | 'unexpected';
  /** The agent's own sentence, for the details; never a prompt, an answer or a key. */
  readonly message: string;
}

export function problemOf(error: unknown): Problem {
  if (error instanceof NotConnected) return { code: 'unreachable', message: error.message };
  const failure = decodeApiError(error);
  if (failure !== null) return { code: failure.code ?? 'unexpected', message: failure.message };
  return { code: 'unreachable', message: error instanceof Error ? error.message : String(error) };
}

export interface Answer<T> {
  /** The latest answer, kept while a newer one is on its way; null before the first. */
  readonly data: T | null;
  readonly problem: Problem | null;
  readonly reload: () => void;
}

/** Asks when the page opens, when `key` changes and after every reconnection. */
export function useAnswer<T>(key: string, ask: () => Promise<T>): Answer<T> {
  const { status } = useLink();
  const [answer, setAnswer] = useState<{ data: T | null; problem: Problem | null }>({
    data: null,
    problem: null,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(ask);
  latest.current = ask;

  // Dependencies: `key` and `turn` say when to ask again
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

export interface Action<I, O> {
  readonly run: (input: I) => void;
  readonly busy: boolean;
  readonly result: O | null;
  readonly problem: Problem | null;
}

/** Tells the agent to do something, once at a time. */
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
