/** Engine whose events a test sends one by one, to test what happens between two tokens. */
import type { Engine, EngineStatus, GenerateEvent, GenerateRequest } from '../../main/ports/engine.ts';
import type { AnswerPiece } from '../../shared/answer-pieces.ts';
import type { AppliedSampling } from '../../shared/applied-sampling.ts';
import { AppError, type ErrorCode } from '../../shared/errors.ts';
import { FAKE_MODEL } from './engine.ts';
import { sandboxOf } from './sandbox.ts';

type EndReason = Extract<GenerateEvent, { type: 'end' }>['reason'];

/** One generation in progress. */
export interface ScriptedRun {
  readonly request: GenerateRequest;
  readonly signal: AbortSignal;
  start(inputTokens: number, cachedTokens?: number, sampling?: AppliedSampling): void;
  text(text: string, ...tokens: number[]): void;
  /** Thoughts, calls or probabilities. */
  piece(piece: Partial<AnswerPiece>, ...tokens: number[]): void;
  /** Makes an abort report that only this many tokens of the prompt were read. */
  readOnAbort(tokens: number): void;
  vectors(...vectors: string[]): void;
  end(reason: EndReason): void;
  fail(code: ErrorCode): void;
  /** Fails with an error that isn't an AppError. */
  crash(error: Error): void;
}

export interface ScriptedEngine extends Engine {
  /** Resolves to the next generation that starts. */
  next(): Promise<ScriptedRun>;
  setStatus(status: EngineStatus): void;
}

export const SCRIPTED_READY: EngineStatus = {
  state: 'ready',
  loaded: {
    model: FAKE_MODEL,
    contextTokens: 4_096,
    sequences: 1,
    threads: 1,
    backend: 'cpu',
    loadMs: 1,
    quantisation: 'F32',
    parameterCount: 1,
    sandbox: sandboxOf('not-built'),
  },
  activeSequences: 0,
  pid: 1,
};

export function createScriptedEngine(): ScriptedEngine {
  let status: EngineStatus = SCRIPTED_READY;
  const started: ScriptedRun[] = [];
  const waiting: ((run: ScriptedRun) => void)[] = [];

  async function* generate(request: GenerateRequest, signal: AbortSignal): AsyncGenerator<GenerateEvent> {
    const queue: (GenerateEvent | Error)[] = [];
    let wake = () => {};
    let inputTokens = 0;
    let outputTokens = 0;
    let cachedTokens: number | undefined;
    let readTokens: number | undefined;
    const push = (event: GenerateEvent | Error) => {
      queue.push(event);
      wake();
    };
    const ended = (reason: EndReason): GenerateEvent => ({
      ...{ type: 'end', reason, inputTokens, cachedTokens, readTokens, outputTokens },
      ...{ prefillMs: 10, decodeMs: 100 },
    });
    signal.addEventListener('abort', () => push(ended('aborted')), { once: true });
    const run: ScriptedRun = {
      request,
      signal,
      start(tokens, cached, sampling) {
        inputTokens = tokens;
        cachedTokens = cached;
        push({ type: 'start', inputTokens: tokens, cachedTokens: cached, ...(sampling && { sampling }) });
      },
      text(text, ...tokens) {
        outputTokens += tokens.length;
        push({ type: 'text', text, tokens });
      },
      piece(piece, ...tokens) {
        outputTokens += tokens.length;
        const { choice: _, ...content } = piece;
        push({ type: 'text', text: '', ...content, tokens });
      },
      vectors: (...vectors) => push({ type: 'vectors', vectors }),
      readOnAbort(tokens) {
        readTokens = tokens;
      },
      end: (reason) => push(ended(reason)),
      crash: push,
      fail: (code) => push(new AppError(code, 'Scripted failure.')),
    };
    const waiter = waiting.shift();
    if (waiter) waiter(run);
    else started.push(run);
    while (true) {
      const event = queue.shift();
      if (!event) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (event instanceof Error) throw event;
      yield event;
      if (event.type === 'end') return;
    }
  }

  return {
    status: () => status,
    setStatus(next) {
      status = next;
    },
    onStatus: () => () => {},
    load: () => Promise.reject(new Error('not scripted')),
    generate,
    next() {
      const run = started.shift();
      return run ? Promise.resolve(run) : new Promise((resolve) => waiting.push(resolve));
    },
    unload: async () => {},
    setDuty() {},
    setThreadsMax() {},
    handBack: async () => null,
    stop: async () => {},
  };
}
