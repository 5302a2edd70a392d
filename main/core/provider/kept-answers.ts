/**
 * Finishes the answers to lines of batches regardless of the connection, and keeps them until their buyer has them: one
 * that was interrupted collects what it has paid for instead of buying it again.
 */
import { AppError } from '../../../shared/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import { EVENT_STREAM_HEADERS, eventStream } from '../sse/index.ts';
import type { AnswerFiles, AnswerId } from './answer-files.ts';
import type { BatchRequest } from './batch-request.ts';

export interface KeptAnswerLimits {
  /** Characters of all finished answers; the oldest are dropped first. */
  readonly keptCharactersMax: number;
  /** The same of one peer. */
  readonly keptCharactersPerPeerMax: number;
  /** Time for which a finished answer is in memory. */
  readonly keptMs: number;
  /** A requester that reads nothing for this long counts as disconnected. */
  readonly stallMs: number;
}

export interface KeptAnswers {
  /**
   * Forgets the answers that the peer has stored. Fails with `bad-request` for an ID that is malformed or in use.
   */
  begin(peer: string, request: Pick<BatchRequest, 'job' | 'taken'>): void;
  /**
   * Begins to keep an answer that hasn't begun: from now on it can be collected. Without a key it is in memory only.
   */
  open(answer: AnswerId, key: Buffer | null): KeptAnswer;
  /** Streams an answer from its beginning, as it arrives. Fails with `not-found`. */
  respond(answer: AnswerId, key: Buffer | null): Promise<Response>;
}

export interface KeptAnswer {
  /** Reads the source to its end from now on, and returns its text from the beginning. */
  fill(source: AsyncGenerator<string, void>): AsyncGenerator<string, void>;
  /** Files what was read so far. A disk that doesn't take it is reported, and the answer is in memory only. */
  file(): Promise<void>;
  /** Forgets an answer that failed before it began. */
  drop(): void;
}

interface Kept {
  readonly peer: string;
  readonly pieces: string[];
  characters: number;
  hasEnded: boolean;
  /** Resolves with the next piece or the end. */
  next: PromiseWithResolvers<void>;
}

/** The buyer shows that it waits, and connections without traffic are closed. */
const QUIET_MS_MAX = 15_000;
const ID = /^[0-9a-f-]{36}$/;

export interface KeptAnswersParts {
  readonly clock: Clock;
  readonly limits: KeptAnswerLimits;
  /** Null: answers are in memory only. */
  readonly files: AnswerFiles | null;
  /** Reports a failure of the files. */
  readonly onUnexpected: (error: unknown) => void;
}

/** See {@link KeptAnswers}. */
export function createKeptAnswers({ clock, limits, files, onUnexpected }: KeptAnswersParts): KeptAnswers {
  /** The one that ended first is first among those that have ended. */
  const answers = new Map<string, Kept>();
  const keyOf = (peer: string, id: string) => `${peer} ${id}`;
  const respondWith = (source: AsyncGenerator<string, void>): Response => {
    const body = eventStream(source, {
      ...{ clock, stallMs: limits.stallMs, quietMsMax: QUIET_MS_MAX },
      onGone: () => undefined,
    });
    return new Response(body, { headers: EVENT_STREAM_HEADERS });
  };

  function dropBeyondLimits(peer: string): void {
    const ended = [...answers].filter(([, { hasEnded }]) => hasEnded);
    let all = sumOf(ended);
    let own = sumOf(ended.filter(([, kept]) => kept.peer === peer));
    for (const [key, kept] of ended) {
      const isOwn = kept.peer === peer;
      if (all <= limits.keptCharactersMax && (own <= limits.keptCharactersPerPeerMax || !isOwn)) continue;
      answers.delete(key);
      all -= kept.characters;
      if (isOwn) own -= kept.characters;
    }
  }

  async function readToEnd(key: string, kept: Kept, source: AsyncGenerator<string, void>): Promise<void> {
    const wake = () => {
      kept.next.resolve();
      kept.next = Promise.withResolvers();
    };
    try {
      for await (const piece of source) {
        kept.pieces.push(piece);
        kept.characters += piece.length;
        wake();
      }
    } finally {
      kept.hasEnded = true;
      wake();
      // Moves it behind those that ended earlier.
      answers.delete(key);
      answers.set(key, kept);
      dropBeyondLimits(kept.peer);
      clock.after(limits.keptMs, () => {
        if (answers.get(key) === kept) answers.delete(key);
      });
    }
  }

  return {
    begin(peer, { job, taken }) {
      for (const id of taken) if (answers.get(keyOf(peer, id))?.hasEnded) answers.delete(keyOf(peer, id));
      if (taken.length > 0) files?.remove(taken.map((id) => ({ peer, id }))).catch(onUnexpected);
      if (ID.test(job) && !answers.has(keyOf(peer, job))) return;
      throw new AppError('bad-request', 'The ID of the batch’s job is malformed, or was used before.', {
        details: { code: 'invalid_value' },
      });
    },
    open({ peer, id }, secret) {
      const kept: Kept = { peer, pieces: [], characters: 0, hasEnded: false, next: Promise.withResolvers() };
      const key = keyOf(peer, id);
      answers.set(key, kept);
      return {
        fill(source) {
          // The source reports its own failures, as events.
          void readToEnd(key, kept, source).catch(() => undefined);
          return read(kept);
        },
        async file() {
          if (files === null || secret === null) return;
          await files.write({ peer, id }, kept.pieces.join(''), secret).catch(onUnexpected);
        },
        drop() {
          kept.hasEnded = true;
          kept.next.resolve();
          answers.delete(key);
        },
      };
    },
    async respond(answer, secret) {
      const kept = answers.get(keyOf(answer.peer, answer.id));
      if (kept !== undefined) return respondWith(read(kept));
      const filed = secret === null ? null : ((await files?.read(answer, secret)) ?? null);
      if (filed === null) throw new AppError('not-found', 'This answer isn’t kept here, or not any more.');
      return respondWith(once(filed));
    },
  };
}

async function* once(text: string): AsyncGenerator<string, void> {
  yield text;
}

async function* read(kept: Kept): AsyncGenerator<string, void> {
  for (let index = 0; ; ) {
    const { next } = kept;
    const text = kept.pieces.slice(index).join('');
    index = kept.pieces.length;
    if (text !== '') yield text;
    else if (kept.hasEnded) return;
    else await next.promise;
  }
}

function sumOf(answers: readonly (readonly [string, Kept])[]): number {
  return answers.reduce((sum, [, { characters }]) => sum + characters, 0);
}
