/** The text and the token counts of an answer so far, and the request for what is left of it. */
import type { AskedCompletion } from '../../../shared/asked.ts';
import type { Job } from '../../../shared/jobs.ts';
import { usage as usageOf } from '../../../shared/openai-answer.ts';
import type { Usage } from '../../../shared/openai-chunks.ts';
import type { AnswerBatch } from './answer.ts';
import type { Batch } from './purchase.ts';

export class AnswerProgress {
  #text = '';
  /** Tokens of the parts before the current one. */
  #before = { input: 0, output: 0 };
  /** Output tokens of the current part that have arrived. */
  #received = 0;
  /** True if the answer has thoughts or calls, which a text can't continue. */
  #isStructured = false;

  /** Output tokens of all parts, as far as they have arrived. */
  get outputTokens(): number {
    return this.#before.output + this.#received;
  }

  /** True if the tokens of the current part are counted: without a count it is unknown how many are left. */
  get isCounted(): boolean {
    return this.#received > 0;
  }

  /** Token counts of the parts that have ended. */
  usage(): Usage {
    return usageOf(this.#before.input, this.#before.output);
  }

  /** Adds a batch of the current part; returns it with the token counts of all parts. */
  add(batch: Batch): AnswerBatch {
    for (const piece of batch.pieces) {
      this.#text += piece.text;
      if (piece.reasoning !== undefined || piece.toolCalls !== undefined) this.#isStructured = true;
      this.#received += piece.tokens.length;
    }
    if (!batch.end) return { pieces: batch.pieces, end: null };
    const own = batch.end.usage ?? usageOf(0, this.#received);
    const counted = usageOf(
      this.#before.input + own.prompt_tokens,
      this.#before.output + own.completion_tokens,
      // Of this part only: the receipts of earlier parts have their own counts.
      own.prompt_tokens_details?.cached_tokens,
    );
    return { pieces: batch.pieces, end: { finishReasons: batch.end.finishReasons, usage: counted } };
  }

  /**
   * Ends the current part with the counts of its job, or, if that hasn't ended yet, with what has arrived; false if no
   * output token is known.
   */
  endPart(job: Pick<Job, 'inputTokens' | 'outputTokens'> | null): boolean {
    const made = Math.max(this.#received, job?.outputTokens ?? 0);
    if (made === 0) return false;
    this.#before = {
      input: this.#before.input + (job?.inputTokens ?? 0),
      output: this.#before.output + made,
    };
    this.#received = 0;
    return true;
  }

  /**
   * True if a text can continue the answer: not several answers, thoughts or calls, and not JSON or probabilities, whose
   * state the next provider can't take up.
   */
  canContinue({ prompt, choices, json, topLogprobs }: AskedCompletion): boolean {
    if (prompt.kind === 'embed') return false;
    const isForced =
      prompt.kind === 'chat' && prompt.toolChoice !== undefined && prompt.toolChoice.kind !== 'auto';
    return choices === 1 && json === null && topLogprobs === null && !isForced && !this.#isStructured;
  }

  /** The request for the rest: the conversation and the answer so far, which the next provider continues. */
  remainder(asked: AskedCompletion, maxTokens: number): AskedCompletion {
    return {
      ...asked,
      prompt: this.#text === '' ? asked.prompt : begunPrompt(asked.prompt, this.#text),
      maxTokens,
      // The same seed would draw the same random numbers as in the first part.
      seed: asked.seed === null ? null : (asked.seed + this.outputTokens) % 2 ** 32,
    };
  }
}

function begunPrompt(prompt: AskedCompletion['prompt'], text: string): AskedCompletion['prompt'] {
  if (prompt.kind === 'text') return { kind: 'text', text: prompt.text + text };
  if (prompt.kind === 'embed') return prompt;
  const { messages, continuesLast } = prompt;
  const last = continuesLast ? messages.at(-1) : undefined;
  const earlier = last ? messages.slice(0, -1) : messages;
  const begun = { role: 'assistant' as const, content: (last?.content ?? '') + text };
  return { ...prompt, messages: [...earlier, begun], continuesLast: true };
}
