/**
 * One answer from as many providers as it takes: where a provider's owner comes back in its middle, another
 * one (or the same, later) goes on from what was delivered. Each part is a job with a receipt of its own.
 */
import { AppError, isAppError } from '../../../shared/errors.ts';
import type { AskedCompletion, Usage } from '../../../shared/openai.ts';
import { usage as usageOf } from '../../../shared/openai-answer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { OnPause } from './on-pause.ts';
import type { Continuation, Seeking, StartedResponse } from './provider-search.ts';
import type { Batch } from './purchase.ts';
import { pause } from './waiting.ts';

export interface Answer {
  /** The job of the first part. */
  readonly jobId: string;
  /** The next part; its end counts all parts. Fails with an AppError; then `conclude` is still to be called. */
  next(): Promise<Batch & { readonly end: { readonly usage: Usage } | null }>;
  /** See {@link import('./purchase.ts').Purchase.conclude}; of the part that is under way. */
  conclude(cause?: AppError): Promise<unknown>;
}

export interface AnswerRequest {
  readonly asked: AskedCompletion;
  readonly onPause: OnPause;
  readonly requester: AbortSignal;
}

/** An owner who comes and goes must not make one request endless. */
const CONTINUATIONS_MAX = 3;
/** Each part pays for the prompt again: a provider that pauses on purpose does not earn it a third time. */
const PAUSES_MAX = 2;
const WAIT_MS_MIN = 1_000;
const WAIT_MS_MAX = 10_000;

/** Resolves when somebody began to answer; fails with an AppError when nobody does. */
export async function beginAnswer(
  { seeking, clock }: { readonly seeking: Seeking; readonly clock: Clock },
  { asked, onPause, requester }: AnswerRequest,
): Promise<Answer> {
  let part = await seek(asked, null);
  const jobId = part.purchase.jobId;
  const { maxTokens } = part;
  /** How often a peer paused in this answer. */
  const pauses = new Map<string, number>();
  let text = '';
  /** Of the parts before this one. */
  let before = { input: 0, output: 0 };
  /** Of this part, as they arrived. */
  let received = 0;
  let continuations = 0;
  let first: Batch | null = part.first;

  /** Tries until the time that the request gives is over, which is at once unless it waits. */
  async function seek(
    wanted: AskedCompletion,
    going: (Continuation & { peer: string }) | null,
  ): Promise<StartedResponse> {
    const endMs = clock.monotonic() + (onPause.kind === 'wait' ? onPause.waitMsMax : 0);
    let round = going;
    for (let delayMs = WAIT_MS_MIN; ; delayMs = Math.min(delayMs * 2, WAIT_MS_MAX)) {
      try {
        return await seeking.begin(wanted, requester, round ?? undefined);
      } catch (error) {
        const leftMs = endMs - clock.monotonic();
        if (requester.aborted || leftMs <= 0 || !passes(error, going !== null)) throw error;
        await pause(clock, Math.min(delayMs, leftMs), requester);
        if (requester.aborted) throw left();
        if (going === null) continue;
        // Whoever paused may serve again.
        await seeking.refresh(going.peer);
        round = { ...going, without: pausedTimes(PAUSES_MAX) };
      }
    }
  }

  function pausedTimes(atLeast: number): ReadonlySet<string> {
    return new Set([...pauses].filter(([, times]) => times >= atLeast).map(([peer]) => peer));
  }

  function take(batch: Batch): Awaited<ReturnType<Answer['next']>> {
    for (const piece of batch.pieces) {
      text += piece.text;
      received += piece.tokens.length;
    }
    if (!batch.end) return { pieces: batch.pieces, end: null };
    const own = batch.end.usage ?? usageOf(0, received);
    const counted = usageOf(before.input + own.prompt_tokens, before.output + own.completion_tokens);
    return { pieces: batch.pieces, end: { finishReason: batch.end.finishReason, usage: counted } };
  }

  async function continueElsewhere(cause: AppError): ReturnType<Answer['next']> {
    const job = await seeking.conclude(part.purchase, cause);
    if (requester.aborted) throw left();
    const made = Math.max(received, job.outputTokens ?? 0);
    // Without a count there is no saying how much is left of what was asked for.
    if (made === 0) throw cause;
    before = { input: before.input + (job.inputTokens ?? 0), output: before.output + made };
    received = 0;
    const room = maxTokens - before.output;
    if (room <= 0) {
      const counted = usageOf(before.input, before.output);
      return { pieces: [], end: { finishReason: 'length', usage: counted } };
    }
    const { peer, model } = part.candidate;
    pauses.set(peer, (pauses.get(peer) ?? 0) + 1);
    continuations += 1;
    void seeking.refresh(peer);
    const going = { jobId: job.id, sha256: model.sha256, without: pausedTimes(1), peer };
    try {
      part = await seek(remainder(asked, text, before.output, room), going);
    } catch (error) {
      if (requester.aborted || !isAppError(error)) throw error;
      throw new AppError('paused', cause.message, { cause: error, details: cause.details });
    }
    return take(part.first);
  }

  return {
    jobId,
    async next() {
      if (first) {
        const batch = first;
        first = null;
        return take(batch);
      }
      try {
        return take(await part.purchase.next());
      } catch (error) {
        const goesOn = onPause.kind !== 'fail' && continuations < CONTINUATIONS_MAX;
        if (!goesOn || !isAppError(error, 'paused')) throw error;
        return continueElsewhere(error);
      }
    },
    conclude: (cause) => seeking.conclude(part.purchase, cause),
  };
}

/** What is still to be said, as a request: the conversation and the answer so far, to be gone on with. */
function remainder(asked: AskedCompletion, text: string, made: number, room: number): AskedCompletion {
  return {
    ...asked,
    prompt: text === '' ? asked.prompt : begunPrompt(asked.prompt, text),
    maxTokens: room,
    // From the same seed the dice would fall as they did for the first part.
    seed: asked.seed === null ? null : (asked.seed + made) % 2 ** 32,
  };
}

function begunPrompt(prompt: AskedCompletion['prompt'], text: string): AskedCompletion['prompt'] {
  if (prompt.kind === 'text') return { kind: 'text', text: prompt.text + text };
  const { messages, continuesLast } = prompt;
  const last = continuesLast ? messages.at(-1) : undefined;
  const earlier = last ? messages.slice(0, -1) : messages;
  const begun = { role: 'assistant' as const, content: (last?.content ?? '') + text };
  return { kind: 'chat', messages: [...earlier, begun], continuesLast: true };
}

/** Whether time may heal it. Before an answer has begun only a pause is waited for: a wrong name stays wrong. */
function passes(error: unknown, hasBegun: boolean): boolean {
  if (!hasBegun) return isAppError(error, 'paused');
  return isAppError(
    error,
    ...(['paused', 'busy', 'model-unavailable', 'no-provider', 'peer-unreachable', 'engine-failed'] as const),
  );
}

function left(): AppError {
  return new AppError('aborted', 'The requester left.');
}
